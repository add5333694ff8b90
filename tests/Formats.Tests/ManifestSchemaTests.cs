using System.Reflection;
using System.Text.Json;
using EoOnnx.Tests;
using Json.Schema;

namespace EoOnnx.Formats.Tests;

/// <summary>docs/manifest.schema.json and <see cref="ModelManifest"/> say the same.</summary>
public class ManifestSchemaTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(SharedData.Repository, "docs", "manifest.schema.json"));
    private static readonly JsonSchema Schema = JsonSchema.FromText(Text);
    private static readonly NullabilityInfoContext Nullability = new();

    // Every type of the manifest, with the place of its description.
    private static readonly Dictionary<Type, string> Definitions = DefinitionsOf(typeof(ModelManifest), "");

    public static TheoryData<string> Types() => [.. Definitions.Keys.Select(type => type.Name).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Types))]
    public void Every_member_is_described_and_every_description_has_a_member(string type)
    {
        using var schema = JsonDocument.Parse(Text);
        var (record, place) = Definitions.Single(item => item.Key.Name == type);
        var node = place.Length == 0 ? schema.RootElement : schema.RootElement.GetProperty("$defs").GetProperty(place);
        var described = node.GetProperty("properties").EnumerateObject().ToDictionary(item => item.Name, item => item.Value);
        Assert.Equal(Members(record).Select(member => JsonNamingPolicy.CamelCase.ConvertName(member.Name)).Order(StringComparer.Ordinal), described.Keys.Order(StringComparer.Ordinal));
        Assert.All(described.Values, member => Assert.NotEmpty(member.GetProperty("description").GetString()!));
    }

    [Fact]
    public void The_schema_is_that_of_the_current_version()
    {
        using var schema = JsonDocument.Parse(Text);
        Assert.Equal(ModelManifest.CurrentVersion, schema.RootElement.GetProperty("properties").GetProperty("version").GetProperty("const").GetInt32());
    }

    public static TheoryData<string> Manifests() =>
    [
        new ModelManifest { Name = "smallest", Family = "other", Task = ModelTask.Features }.ToJson(),
        .. Enum.GetValues<ModelTask>().Select(task => Full(task).ToJson()),
    ];

    [Theory, MemberData(nameof(Manifests))]
    public void What_is_written_follows_the_schema_and_is_read_back(string json)
    {
        using var document = JsonDocument.Parse(json);
        var verdict = Schema.Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        Assert.True(verdict.IsValid, string.Join("; ", (verdict.Details ?? []).Where(detail => detail.Errors is not null).Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}")));
        Assert.Equal(json, ModelManifest.Parse(json).ToJson());
    }

    [Theory]
    [InlineData("\"frames\":2", "\"frames\":0")]
    [InlineData("\"tile\":224", "\"tile\":-4")]
    [InlineData("\"width\":64", "\"width\":0")]
    [InlineData("\"activation\":\"softmax\"", "\"activation\":\"tanh\"")]
    [InlineData("\"standardDeviation\":2248", "\"standardDeviation\":0")]
    [InlineData("\"threshold\":0.4", "\"threshold\":1.4")]
    [InlineData("\"temperature\":1.5", "\"temperature\":0")]
    [InlineData("\"median\":7", "\"median\":100")]
    [InlineData("\"outputScale\":2", "\"outputScale\":0")]
    [InlineData("\"upsampling\":4", "\"upsampling\":0")]
    [InlineData("\"kind\":\"image\"", "\"kind\":\"video\"")]
    [InlineData("\"multiple\":32", "\"multiple\":0")]
    [InlineData("\"mode\":\"reflect\"", "\"mode\":\"mirror\"")]
    [InlineData("\"version\":1", "\"version\":2")]
    public void What_the_program_refuses_the_schema_refuses(string good, string bad)
    {
        var json = Full(ModelTask.Segmentation).ToJson();
        Assert.Contains(good, json, StringComparison.Ordinal);
        json = json.Replace(good, bad, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(json);
        Assert.False(Schema.Evaluate(document.RootElement).IsValid);
        Assert.Throws<FileFormatException>(() => ModelManifest.Parse(json));
    }

    private static ModelManifest Full(ModelTask task) => new()
    {
        Name = "burn scars", Family = "prithvi", Variant = "prithvi_eo_v2_300", Task = task, Frames = 2, Tile = 224, TileSize = new ManifestTileSize(96, 64), Patch = 16, Padding = new ManifestPadding(32, "reflect"), Overlap = 32, ValueScale = 1e-4, ValueOffset = -0.1,
        GroundResolutionMetres = 30, Fill = -1, Bands = [new ManifestBand("B02", 1087, 2248, 0.49, "blue"), new ManifestBand("VV")],
        Classes = [new ManifestClass(0, "background"), new ManifestClass(1, "burned", "#ff5000")], Activation = "softmax", Threshold = 0.4, Median = 7, Temperature = 1.5, Parts = ["an encoder", "a decoder"], Remarks = ["Something was assumed."], OutputScale = 2, Upsampling = 4,
        Heads = [new ManifestHead("roofs", [new ManifestClass(0, "none"), new ManifestClass(1, "roof")]), new ManifestHead("height", [])], Features = [new ManifestFeature("block_11", "tokens", 768, 1, 14, 14)],
        Licence = "Apache-2.0", Source = "https://example.org", SourceSha256 = new string('a', 64), WeightsSha256 = new string('b', 64), NoDataLabel = 255,
        OptionalInputs = [new ManifestInput("location_coords", "[batch, 2]: latitude and longitude")],
        Modalities = [new ManifestModality("S1GRD", "S1GRD", "image", [new ManifestBand("VV", -12.6, 5.2)]), new ManifestModality("LULC", null, "tokens", [], 4375)],
    };

    private static IEnumerable<PropertyInfo> Members(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => member.GetMethod is not null && member.Name != "EqualityContract");

    // A list of records is described under the record's name without "Manifest".
    private static Dictionary<Type, string> DefinitionsOf(Type type, string place)
    {
        var found = new Dictionary<Type, string> { [type] = place };
        foreach (var inner in Members(type).Select(member => Nullability.Create(member).Type).Select(member => member.IsGenericType ? member.GetGenericArguments()[^1] : member)
            .Where(member => member.Namespace == typeof(ModelManifest).Namespace && !member.IsEnum))
        {
            foreach (var (record, definition) in DefinitionsOf(inner, JsonNamingPolicy.CamelCase.ConvertName(inner.Name.Replace("Manifest", "", StringComparison.Ordinal))))
            {
                found[record] = definition;
            }
        }

        return found;
    }
}
