using System.Text.Json;
using System.Text.Json.Serialization;

namespace EoOnnx.Runtime;

/// <summary>What a line of the journal tells.</summary>
internal enum BatchEvent
{
    Start,
    Done,
    Skipped,
    Failed,
    Cancelled,
}

/// <summary>One line of a batch's journal.</summary>
/// <param name="Event">What happened.</param>
/// <param name="Scene">To which scene.</param>
/// <param name="Map">Its map, below the folder of the journal.</param>
/// <param name="Time">When.</param>
/// <param name="Process">Machine and process that say so.</param>
/// <param name="Seconds">How long the scene took; null where it begins.</param>
/// <param name="Error">Why it failed.</param>
internal sealed record BatchJournalLine(BatchEvent Event, string Scene, string Map, DateTimeOffset Time, string Process, double? Seconds, string? Error);

/// <summary>Journals as JSON, by generated code: an object a line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(BatchEventConverter)])]
[JsonSerializable(typeof(BatchJournalLine))]
internal sealed partial class BatchJournalJson : JsonSerializerContext;

/// <summary>What happened, by its name in camel case.</summary>
internal sealed class BatchEventConverter() : JsonStringEnumConverter<BatchEvent>(JsonNamingPolicy.CamelCase);
