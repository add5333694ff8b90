using System.Text.Json;
using System.Text.Json.Serialization;

namespace EoOnnx.Runtime;

/// <summary>Summaries as JSON, by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(SceneStatusConverter)])]
[JsonSerializable(typeof(BatchReport))]
internal sealed partial class BatchReportJson : JsonSerializerContext;

/// <summary>What became of a scene, by its name in camel case.</summary>
internal sealed class SceneStatusConverter() : JsonStringEnumConverter<SceneStatus>(JsonNamingPolicy.CamelCase);
