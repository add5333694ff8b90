using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;

namespace EoOnnx.Native;

/// <summary>Options of <c>eoonnx_model_open</c>.</summary>
internal sealed record ModelOptions(string? Device = null, int Threads = 0, bool Spinning = true, bool PackWeights = true)
{
    /// <exception cref="ArgumentException">No JSON, an unknown member or a value that is out of range.</exception>
    public static EoModelOptions Parse(string? json)
    {
        var given = OptionsJson.Read(json, OptionsJson.Default.ModelOptions) ?? new ModelOptions();
        return new EoModelOptions
        {
            Device = given.Device is { } device ? Runtime.Device.Parse(device) : Runtime.Device.Auto, Threads = given.Threads, Spinning = given.Spinning, PackWeights = given.PackWeights,
        };
    }
}

/// <summary>Options of <c>eoonnx_run_scene</c>.</summary>
internal sealed record RunOptions(
    string? Output = null, int? Tile = null, int? TileWidth = null, string? Overlap = null, BlendMode? Blend = null, EdgeMode Edge = EdgeMode.Shift, TestTimeAugmentation Augmentation = TestTimeAugmentation.None,
    int[]? Window = null, double[]? Bounds = null, string? BoundsProjection = null, int? Batch = null, int? Prefetch = null, int? Readers = null,
    string[]? Bands = null, double[]? Scale = null, double[]? Offset = null, string? NoData = null, MapContent? Content = null, ConfidenceBand Confidence = ConfidenceBand.None, int? Median = null,
    bool Restart = false, bool Overwrite = false, BlendSpace BlendSpace = BlendSpace.Probability, double[]? Quantise = null, NoDataRule NoDataRule = NoDataRule.Any,
    string? Area = null, InputCheck InputCheck = InputCheck.Warn, string[]? Masks = null, int MaskDilation = 0, MaskMode MaskMode = MaskMode.Output,
    long? Memory = null, bool Deterministic = false, bool MeasureBatch = false, ErrorMode OnError = ErrorMode.Fail, double? MostDamage = null,
    string? Vector = null, double MinimumArea = 0, double Simplify = 0, int[]? Classes = null, string? Stac = null, string? QuickLook = null, string? Style = null,
    bool Stamp = false, bool KeepWork = false, double? GramsPerKilowattHour = null)
{
    /// <exception cref="ArgumentException">No JSON, an unknown member or a value that is out of range.</exception>
    public static SceneOptions Parse(string? json, EoAdapter? adapter)
    {
        var given = OptionsJson.Read(json, OptionsJson.Default.RunOptions) ?? new RunOptions();
        var defaults = new SceneOptions();
        return new SceneOptions
        {
            Adapter = adapter,
            Output = given.Output,
            Tile = given.Tile,
            TileWidth = given.TileWidth,
            Overlap = given.Overlap is { } overlap ? TileOverlap.Parse(overlap) : null,
            Blend = given.Blend,
            Edge = given.Edge,
            Augmentation = given.Augmentation,
            Window = Four(given.Window, "window", "[x, y, width, height]") is [var x, var y, var width, var height] ? new PixelWindow(x, y, width, height) : null,
            Bounds = Four(given.Bounds, "bounds", "[west, south, east, north]") is [var west, var south, var east, var north] ? new MapBounds(west, south, east, north) : null,
            BoundsProjection = given.BoundsProjection,
            Batch = given.Batch,
            Prefetch = given.Prefetch ?? defaults.Prefetch,
            Readers = given.Readers ?? defaults.Readers,
            Bands = given.Bands ?? [],
            Scale = given.Scale ?? [],
            Offset = given.Offset ?? [],
            Validity = ValidityOptions.Parse(given.NoData, given.NoDataRule),
            Content = given.Content,
            Confidence = given.Confidence,
            Median = given.Median,
            BlendSpace = given.BlendSpace,
            Quantise = given.Quantise switch
            {
                null => null,
                [var low, var high] => new ValueRange(low, high),
                var other => throw new ArgumentException($"\"quantise\" has {other.Length} numbers; expected [low, high]."),
            },
            Area = given.Area,
            InputCheck = given.InputCheck,
            Masks = [.. (given.Masks ?? []).Select(SceneMask.Parse)],
            MaskDilation = given.MaskDilation,
            MaskMode = given.MaskMode,
            Memory = given.Memory,
            Deterministic = given.Deterministic,
            MeasureBatch = given.MeasureBatch,
            OnError = given.OnError,
            MostDamage = given.MostDamage ?? defaults.MostDamage,
            Companions = new MapCompanions
            {
                Vector = given.Vector,
                Polygons = new PolygonOptions { MinimumArea = given.MinimumArea, Simplify = given.Simplify, Classes = given.Classes ?? [] },
                Stac = given.Stac,
                QuickLook = given.QuickLook,
                Style = given.Style,
            },
            Stamp = given.Stamp,
            KeepWork = given.KeepWork,
            GramsPerKilowattHour = given.GramsPerKilowattHour,
            Restart = given.Restart,
            Overwrite = given.Overwrite,
        };
    }

    private static T[]? Four<T>(T[]? values, string name, string expected) => values is null or { Length: 4 } ? values
        : throw new ArgumentException($"\"{name}\" has {values.Length} numbers; expected {expected}.");
}

/// <summary>Options as JSON, by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false,
    Converters = [typeof(NameConverter<BlendMode>), typeof(NameConverter<EdgeMode>), typeof(NameConverter<TestTimeAugmentation>), typeof(NameConverter<MapContent>), typeof(NameConverter<ConfidenceBand>), typeof(NameConverter<RasterType>),
        typeof(NameConverter<BlendSpace>), typeof(NameConverter<NoDataRule>), typeof(NameConverter<InputCheck>), typeof(NameConverter<MaskMode>), typeof(NameConverter<ErrorMode>)],
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ModelOptions))]
[JsonSerializable(typeof(RunOptions))]
[JsonSerializable(typeof(ArrayDescription))]
internal sealed partial class OptionsJson : JsonSerializerContext
{
    /// <summary>Reads options; null and empty text are none.</summary>
    public static T? Read<T>(string? json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return string.IsNullOrWhiteSpace(json) ? null : JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException failure)
        {
            throw new ArgumentException($"The options are not as eoonnx.h describes them: {failure.Message}", failure);
        }
    }
}

/// <summary>Values by their names in camel case; numbers are refused.</summary>
internal sealed class NameConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false) where T : struct, Enum;
