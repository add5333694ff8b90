using System.Diagnostics;
using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A channel of the model and what feeds it.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Band">Name of the band, or its number when it has none.</param>
/// <param name="MatchedBy">How the pair was found: <c>option</c>, <c>name</c> or <c>order</c>.</param>
/// <param name="Scaling">How its values become model input.</param>
public sealed record SceneChannel(string Channel, string Band, string MatchedBy, ChannelScaling Scaling);

/// <summary>
/// A scene that was opened for a model: one raster with the bands that the model takes, whatever files they come from, and the decisions
/// that led to it. For one thread; disposed after the run.
/// </summary>
public sealed class Scene : IDisposable
{
    private readonly IDisposable _owner;

    private Scene(RasterDataset dataset, IDisposable owner, SceneOptions options, IReadOnlyList<SceneChannel> channels) =>
        (Dataset, _owner, Options, Channels) = (dataset, owner, options, channels);

    /// <summary>The raster.</summary>
    public RasterDataset Dataset { get; }

    /// <summary>The options of the run, with what opening has decided.</summary>
    public SceneOptions Options { get; }

    /// <summary>Which band feeds which channel, and how its values are scaled.</summary>
    public IReadOnlyList<SceneChannel> Channels { get; }

    /// <summary>Decisions that the user may want to know.</summary>
    public IReadOnlyList<string> Notes => Options.Opening!.Notes;

    /// <summary>Opens a scene.</summary>
    /// <param name="model">The model that it is for.</param>
    /// <param name="request">What it is made of.</param>
    /// <param name="options">How it will go through the model.</param>
    /// <exception cref="RasterException">A source cannot be opened, does not have what the model takes, or lies in another coordinate reference system.</exception>
    /// <exception cref="ModelException">The model takes something that no scene has.</exception>
    /// <exception cref="ArgumentException">The request contradicts itself or the model.</exception>
    public static Scene Open(EoModel model, SceneRequest request, SceneOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(request);
        options ??= new SceneOptions();
        var (start, network) = (Stopwatch.GetTimestamp(), NetworkUse.Now());
        var access = new RasterAccess { AllowExternalVrt = request.AllowExternalVrt };
        var plan = SceneSelection.Create(model, request, options, access);
        var scene = plan.IsPlainRaster ? OpenPlain(model, plan, options, access) : OpenStack(plan, request, options, access);
        return new Scene(scene.Dataset, scene._owner, scene.Options with { Opening = scene.Options.Opening! with { Network = network, Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds } }, scene.Channels);
    }

    /// <summary>Closes the raster.</summary>
    public void Dispose() => _owner.Dispose();

    private static Scene OpenPlain(EoModel model, SceneSelection plan, SceneOptions options, RasterAccess access)
    {
        var dataset = RasterDataset.Open(plan.PlainPath, access);
        try
        {
            var channels = ModelChannels.Of(model, options.Adapter, dataset.Bands.Count);
            var bands = BandMapping.Resolve(dataset, channels.Names, options.Bands, plan.Warnings);
            plan.CheckResolution(RasterGrid.Of(dataset));
            return Finish(dataset, dataset, plan, channels, bands, default, SceneCoordinates.Of(model, plan.Dates), options);
        }
        catch
        {
            dataset.Dispose();
            throw;
        }
    }

    private static Scene OpenStack(SceneSelection plan, SceneRequest request, SceneOptions options, RasterAccess access)
    {
        using var rasters = new OpenRasters(access);
        var grid = SceneGrid.Decide(plan, rasters, request);
        plan.CheckResolution(grid);
        // Warping would hide it: its result is in single precision, which holds any value.
        if (UnusableNoData.Explain([.. plan.Used.Select(band => Stored(band.Source, rasters.Open(band.Source.Path)))], options.Validity) is { } unusable)
        {
            plan.Warnings.Add(unusable);
        }

        List<PlannedBand> all = [.. plan.Used, .. plan.Masks];
        var stack = StackedRaster.Create(grid, [.. all.Select(band => band.ToStack(rasters.Open(band.Source.Path), options.Validity))], plan.Name);
        try
        {
            var bands = plan.Used.Select((band, i) => new MappedBand(band.Channel, stack.Dataset.Bands[i], band.MatchedBy, band.Source.IsReflectance)).ToList();
            return Finish(stack.Dataset, stack, plan, plan.Channels, bands, (Identity(all, grid, rasters), [.. rasters.Files]), SceneCoordinates.Of(plan.Model, plan.Dates), options);
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    private static (string Raster, RasterBand Band) Stored(SourceBand band, RasterDataset raster) =>
        (raster.Name, raster.Bands[band.Index - 1] is var stored && band.NoData is { } noData ? stored with { NoData = noData } : stored);

    private static Scene Finish(RasterDataset dataset, IDisposable owner, SceneSelection plan, ModelChannels channels, IReadOnlyList<MappedBand> bands, (string Identity, IReadOnlyList<string> Files) origin,
        IReadOnlyDictionary<string, TensorData> coordinates, SceneOptions options)
    {
        var opened = options with
        {
            Opening = new SceneOpening { Source = plan.Name, Identity = origin.Identity, Files = origin.Files, Bands = bands, Notes = plan.Notes, Warnings = plan.Warnings, Coordinates = coordinates },
        };
        var scalings = ChannelScalings.Decide(bands, channels.Manifest, opened);
        return new Scene(dataset, owner, opened, [.. bands.Zip(scalings, (band, scaling) => new SceneChannel(
            band.Channel, band.Source.Name.Length > 0 ? band.Source.Name : band.Source.Index.ToString(CultureInfo.InvariantCulture), band.MatchedBy, scaling))]);
    }

    private static string Identity(IEnumerable<PlannedBand> bands, RasterGrid grid, OpenRasters rasters) => string.Join('\n',
        [grid.ToString(), .. bands.Select(band => string.Create(CultureInfo.InvariantCulture, $"{band.Source.Path.Split('?')[0]} {band.Source.Index} {band.Source.IsCategorical} {band.Source.NoData} {band.Source.Scale} {band.Source.Offset}")),
            .. rasters.Files.Order(StringComparer.Ordinal).Select(Provenance.Stamp)]);
}
