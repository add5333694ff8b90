using System.Text.Json;
using System.Text.Json.Serialization;

namespace EoOnnx.Runtime;

/// <summary>Reports and legends as JSON, by generated code: no reflection, so that it works in programs that are compiled ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, Converters = [typeof(MapContentConverter), typeof(EmbeddingPoolConverter), typeof(EmbeddingStorageConverter)])]
[JsonSerializable(typeof(SceneReport))]
internal sealed partial class SceneReportJson : JsonSerializerContext;

/// <summary>A class in the tag EOONNX_CLASSES.</summary>
internal readonly record struct LegendEntry(int Id, string Name, string Color);

/// <summary>The tag EOONNX_CLASSES.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IEnumerable<LegendEntry>))]
internal sealed partial class LegendJson : JsonSerializerContext;

/// <summary>Contents of maps by their names in camel case.</summary>
internal sealed class MapContentConverter() : JsonStringEnumConverter<MapContent>(JsonNamingPolicy.CamelCase);

/// <summary>What pixels of embeddings stand for, by its name in camel case.</summary>
internal sealed class EmbeddingPoolConverter() : JsonStringEnumConverter<EmbeddingPool>(JsonNamingPolicy.CamelCase);

/// <summary>How embeddings are stored, by its name in camel case.</summary>
internal sealed class EmbeddingStorageConverter() : JsonStringEnumConverter<EmbeddingStorage>(JsonNamingPolicy.CamelCase);
