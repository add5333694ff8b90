using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EoOnnx.Cli;

/// <summary>The form of everything that <c>--json</c> prints: camel case, enums as words, NaN as a string.</summary>
internal static class JsonOutput
{
    /// <summary>One object on one line: events.</summary>
    public static JsonSerializerOptions Line { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>The same, indented: results.</summary>
    public static JsonSerializerOptions Document { get; } = new(Line) { WriteIndented = true };
}
