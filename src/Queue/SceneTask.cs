using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Runtime;

namespace EoOnnx.Queue;

/// <summary>What a worker is asked to do: one scene, as JSON of known types only.</summary>
public sealed record SceneTask
{
    /// <summary>Version of this structure; a worker refuses others.</summary>
    public const int CurrentVersion = 1;

    private const int MostCharacters = 1 << 20;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        IgnoreReadOnlyProperties = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new TextConverter<TileOverlap>(TileOverlap.Parse), new TextConverter<SceneMask>(SceneMask.Parse), new TextConverter<ValueRange>(ValueRange.Parse) },
        RespectNullableAnnotations = true,
    };

    /// <summary>Version of this structure.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The scene and its map.</summary>
    public required BatchScene Scene { get; init; }

    /// <summary>The model, a full path that every worker can read.</summary>
    public required string Model { get; init; }

    /// <summary>The adapter, likewise; null for the model's own weights.</summary>
    public string? Adapter { get; init; }

    /// <summary>How the scene goes through the model; without the loaded adapter.</summary>
    public SceneOptions Options { get; init; } = new();

    /// <summary>A task with full paths, so that it means the same to every worker.</summary>
    /// <param name="scene">The scene and its map.</param>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter, if any.</param>
    /// <param name="options">How; files of masks and of the area are looked up here.</param>
    public static SceneTask Of(BatchScene scene, string model, string? adapter, SceneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new SceneTask { Scene = scene, Model = Path.GetFullPath(model), Adapter = adapter is null ? null : Path.GetFullPath(adapter), Options = options with { Masks = [.. options.Masks.Select(mask => mask.Located(Directory.GetCurrentDirectory()))], Area = options.Area is { } area && File.Exists(area) ? Path.GetFullPath(area) : options.Area } };
    }

    /// <summary>The text that is put on the queue.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Reads what <see cref="ToJson"/> has written; values that an options record refuses are refused here too.</summary>
    /// <exception cref="QueueException">The text is no task of this version.</exception>
    public static SceneTask Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MostCharacters)
        {
            throw new QueueException($"A task on the queue has {text.Length} characters; at most {MostCharacters} are allowed.");
        }

        try
        {
            using var document = JsonDocument.Parse(text);
            var version = document.RootElement.TryGetProperty("version", out var element) && element.TryGetInt32(out var number) ? number : 0;
            return version != CurrentVersion ? throw new QueueException($"A task on the queue has version {version}; this worker knows version {CurrentVersion}. Use the same version of eoonnx on all machines.")
                : document.Deserialize<SceneTask>(Json) ?? throw new JsonException("it is empty");
        }
        catch (Exception failure) when (failure is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new QueueException($"A task on the queue is damaged: {failure.Message}", failure);
        }
    }

    /// <summary>An outcome as text.</summary>
    internal static string Write(SceneOutcome outcome) => JsonSerializer.Serialize(outcome, Json);

    /// <summary>An outcome from text.</summary>
    internal static SceneOutcome ReadOutcome(string text) => JsonSerializer.Deserialize<SceneOutcome>(text, Json)!;

    private sealed class TextConverter<T>(Func<string, T> parse) : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => parse(reader.GetString() ?? throw new JsonException("a text is missing"));

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value!.ToString());
    }
}
