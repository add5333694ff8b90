using System.Diagnostics;
using System.Globalization;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>How fast a model was with some tiles a call.</summary>
/// <param name="Batch">Tiles a call.</param>
/// <param name="TilesPerSecond">Of the fastest call.</param>
public sealed record BatchRate(int Batch, double TilesPerSecond)
{
    /// <summary>For example <c>2 tiles a call (measured 1: 4.1, 2: 4.5 tiles/s)</c>.</summary>
    /// <param name="batch">Tiles a call that were chosen.</param>
    /// <param name="rates">What was measured for it; may be empty.</param>
    public static string Describe(int batch, IReadOnlyList<BatchRate> rates)
    {
        ArgumentNullException.ThrowIfNull(rates);
        var measured = rates.Select(rate => string.Create(CultureInfo.InvariantCulture, $"{rate.Batch}: {rate.TilesPerSecond:F1}"));
        return string.Create(CultureInfo.InvariantCulture, $"{batch} tiles a call{(rates.Count > 0 ? $" (measured {string.Join(", ", measured)} tiles/s)" : "")}");
    }
}

/// <summary>
/// Finds the number of tiles a call by trying: 1, 2, 4, … on images that do not matter, as long as the memory allows and at most ten seconds, once
/// for each model or adapter, tile and output. The smallest within 3 % of the fastest is taken: more tiles a call take memory and wait longer.
/// </summary>
internal static class BatchProbe
{
    private const int Largest = 32, Calls = 3;
    private const double Tolerance = 0.03;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>Sets the batch of a model where the options ask for it.</summary>
    /// <param name="jobs">The maps that are made together; the first is measured.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <returns>What was measured; empty when nothing was.</returns>
    public static IReadOnlyList<BatchRate> Choose(IReadOnlyList<SceneJob> jobs, CancellationToken cancellation)
    {
        var (model, options) = (jobs[0].Model, jobs[0].Options);
        if (!options.MeasureBatch || model.BatchIsFixed)
        {
            return [];
        }

        var rates = ModelTrials.Of(model.Model, options.Adapter, model.Tile, model.Channels.Count, model.Output).Rates(() => Measure(model, options, Most(jobs, cancellation), cancellation));
        foreach (var job in jobs)
        {
            job.Model.Batch = Best(rates);
        }

        return rates;
    }

    /// <summary>The smallest batch whose rate is within 3 % of the best.</summary>
    public static int Best(IReadOnlyList<BatchRate> rates)
    {
        var enough = (1 - Tolerance) * rates.Max(rate => rate.TilesPerSecond);
        return rates.Where(rate => rate.TilesPerSecond >= enough).Min(rate => rate.Batch);
    }

    // The plan of the memory halves a batch until it fits: what is left of the largest may be tried.
    private static int Most(IReadOnlyList<SceneJob> jobs, CancellationToken cancellation)
    {
        foreach (var job in jobs)
        {
            job.Model.Batch = Largest;
        }

        return MemoryPlan.Of(jobs, ModelArena.PerTile(jobs[0].Model, jobs[0].Options, cancellation), panelWidth: null).Plan.Batch;
    }

    private static List<BatchRate> Measure(SceneModel model, SceneOptions options, int most, CancellationToken cancellation)
    {
        var (start, rates) = (Stopwatch.GetTimestamp(), new List<BatchRate>());
        for (var batch = 1; batch <= most; batch *= 2)
        {
            var left = Longest - Stopwatch.GetElapsedTime(start);
            if (rates.Count > 0 && 2 * Calls * rates[^1].Batch / rates[^1].TilesPerSecond > left.TotalSeconds)
            {
                break; // the next would take about twice as long as the last
            }

            var shape = model.ImageShape(batch);
            var images = new float[TensorData.CountOf(shape)];
            var fastest = TimeSpan.MaxValue;
            try
            {
                for (var call = 0; call <= Calls; call++)
                {
                    var before = Stopwatch.GetTimestamp();
                    model.Try(images, shape, options.Adapter, cancellation);
                    var took = Stopwatch.GetElapsedTime(before);
                    fastest = call > 0 && took < fastest ? took : fastest; // the first call makes room
                }
            }
            catch (ModelException failure) when (failure.IsOutOfMemory && rates.Count > 0)
            {
                break;
            }

            rates.Add(new BatchRate(batch, batch / fastest.TotalSeconds));
        }

        return rates;
    }
}
