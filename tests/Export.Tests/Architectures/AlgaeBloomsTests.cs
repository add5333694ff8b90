using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>
/// A real result with real weights: severity of algae blooms in lakes, predicted by ridge regression on Presto's frozen encodings. The
/// test regions are those of the reference's evaluation; the penalty is chosen on the training regions, each cell of two degrees
/// predicted from the others. On the test regions a linear map of frozen encodings does not beat the mean; the figures say so.
/// </summary>
public class AlgaeBloomsTests
{
    private const int Steps = 12, RawChannels = 18, Batch = 256;
    private static readonly double[] Penalties = [10, 100, 300, 1_000];

    [Fact]
    public void Frozen_encodings_predict_unseen_places_and_their_error_in_unseen_regions_is_reported()
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Data, "presto", "algae_blooms"));
        var weights = SharedData.Require(Directory.EnumerateFiles(Path.Combine(SharedData.Data, "presto"), "default_model.*").Order(StringComparer.Ordinal).First());
        double[] Numbers(string name) => NumpyFile.Read(Path.Combine(folder, $"{name}.npy"));
        var (target, isTest, places) = (Numbers("target"), Numbers("is_test"), Numbers("latlon"));
        var encodings = Encode(weights, Numbers("s1_s2_era5_srtm"), Numbers("dynamic_world"), places, Numbers("month"));
        var training = Enumerable.Range(0, target.Length).Where(i => isTest[i] == 0).ToList();
        var test = Enumerable.Range(0, target.Length).Where(i => isTest[i] == 1).ToList();
        var cells = training.GroupBy(i => (Math.Floor(places[2 * i] / 2), Math.Floor(places[(2 * i) + 1] / 2))).Select(cell => cell.ToList()).ToList();

        var (unseenPlaces, penalty) = Penalties.Select(penalty => (Error: AcrossCells(samples => Fit(samples, penalty).Predict), Penalty: penalty)).Min();
        var unseenPlacesByMean = AcrossCells(Mean);
        var fitted = Fit(training, penalty);
        var error = Root(test.Select(i => Square(i, fitted.Predict)));
        var (mean, ownMean) = (Mean(training), Mean(test));
        var byMean = Root(test.Select(i => Square(i, mean)));
        var determination = 1 - (error * error / test.Average(i => Square(i, ownMean)));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"algae blooms, ridge regression (penalty {penalty}) on frozen encodings. Unseen places of the training regions ({training.Count}): RMSE {unseenPlaces:F4}, " +
            $"by the mean {unseenPlacesByMean:F4}. Unseen regions (is_test, {test.Count}): RMSE {error:F4}, R2 {determination:F4}, by the mean {byMean:F4}.");
        Assert.InRange(unseenPlaces, 0, 0.9 * unseenPlacesByMean);
        Assert.InRange(error, 0, 1.1 * byMean);

        RidgeRegression Fit(IReadOnlyList<int> samples, double strength) => new([.. samples.Select(i => encodings[i])], [.. samples.Select(i => target[i])], strength);

        Func<double[], double> Mean(IReadOnlyList<int> samples)
        {
            var mean = samples.Average(i => target[i]);
            return _ => mean;
        }

        double AcrossCells(Func<IReadOnlyList<int>, Func<double[], double>> fit) => Root(cells.SelectMany(cell =>
        {
            var model = fit([.. training.Except(cell)]);
            return cell.Select(i => Square(i, model));
        }));

        double Square(int sample, Func<double[], double> model) => Math.Pow(model(encodings[sample]) - target[sample], 2);

        static double Root(IEnumerable<double> squares) => Math.Sqrt(squares.Average());
    }

    private static double[][] Encode(string weights, double[] series, double[] world, double[] places, double[] months)
    {
        var built = new Presto().Build(Checkpoint.Open(weights).Weights, new BackboneOptions { RawInput = true });
        using var session = new InferenceSession(new OnnxModel(built.Graph).ToBytes());
        var samples = places.Length / 2;
        return [.. Enumerable.Range(0, samples).Chunk(Batch).SelectMany(chunk =>
        {
            var (first, count) = (chunk[0], chunk.Length);
            var encoding = Ort.Run(session,
                ("series", Floats(series, first, [count, Steps, RawChannels])), ("dynamic_world", Integers(world, first, [count, Steps])),
                ("latlons", Floats(places, first, [count, 2])), ("month", Integers(months, first, [count, Steps])))["encoding"];
            return encoding.ToSingles().Select(value => (double)value).Chunk((int)encoding.Shape[1]);
        })];
    }

    private static TensorData Floats(double[] values, int first, long[] shape) => TensorData.FromValues<float>(shape, [.. Part(values, first, shape).Select(value => (float)value)]);

    private static TensorData Integers(double[] values, int first, long[] shape) => TensorData.FromValues<long>(shape, [.. Part(values, first, shape).Select(value => (long)value)]);

    private static double[] Part(double[] values, int first, long[] shape)
    {
        var length = (int)(TensorData.CountOf(shape) / shape[0]);
        return values[(first * length)..((first + (int)shape[0]) * length)];
    }
}
