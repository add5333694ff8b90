using System.Text.Json;
using EoOnnx.Tests;
using Json.Schema;

namespace EoOnnx.Export.Models.Tests;

public class ModelCardsTests
{
    public static TheoryData<string> Files() => [.. Directory.GetFiles(Path.Combine(SharedData.Repository, "models"), "*.json").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Files))]
    public void A_card_follows_the_schema_and_is_named_as_its_file(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Repository, "models", file)));
        var verdict = Schema.Value.Evaluate(json.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        Assert.True(verdict.IsValid, string.Join("; ", (verdict.Details ?? []).Where(detail => detail.Errors is not null).Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}")));
        Assert.Equal(file, ModelCards.Find(Path.GetFileNameWithoutExtension(file)).Name + ".json");
    }

    [Fact]
    public void The_program_holds_every_card_once()
    {
        Assert.Equal(Files().Count, ModelCards.All.Count);
        Assert.Equal(ModelCards.All.Count, ModelCards.All.Select(card => card.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        var files = ModelCards.All.Where(card => card.File is not null).Select(card => card.File!).ToList();
        Assert.Equal(files.Count, files.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public void The_official_families_are_all_there() => Assert.Superset(
        new HashSet<string> { "dofa", "prithvi", "terramind", "presto", "scalemae", "vit", "resnet", "swin" }, ModelCards.All.Select(card => card.Family).ToHashSet());

    [Fact]
    public void A_card_says_whether_its_family_can_be_exported() =>
        Assert.All(ModelCards.All, card => Assert.Equal(Backbones.All.Any(family => family.Name == card.Family), card.HasExporter));

    [Fact]
    public void Statistics_are_complete_or_absent_and_deviations_are_positive() => Assert.All(ModelCards.All.SelectMany(card => card.Inputs), input =>
    {
        Assert.NotEmpty(input.Bands);
        Assert.Equal(input.Bands.Count, input.Bands.Select(band => band.Id).Distinct().Count());
        Assert.Single(input.Bands.Select(band => (band.Mean is null, band.StandardDeviation is null)).Distinct());
        Assert.All(input.Bands, band => Assert.Equal(band.Mean is null, band.StandardDeviation is null));
        Assert.All(input.Bands, band => Assert.True(band.StandardDeviation is null or > 0));
    });

    [Fact]
    public void A_file_has_an_address_that_ends_in_its_name_and_no_folder() => Assert.All(ModelCards.All, card =>
    {
        Assert.Equal(card.File, card.Url?.Segments[^1]);
        Assert.True(card.Url is null || (card.Url.Scheme == "https" && card.File!.IndexOfAny(['/', '\\', ':']) < 0));
    });

    [Fact]
    public void A_stated_hash_is_that_of_a_version_that_cannot_change() => Assert.All(ModelCards.All.Where(card => card.Sha256 is not null), card =>
        Assert.Matches("/[0-9a-f]{40}/", card.Url!.AbsolutePath));

    /// <summary>torchgeo ends names of files in eight digits of their SHA-256, as torch.hub wants it (torchgeo #1105, #3929); Scale-MAE's are of an older file.</summary>
    [Fact]
    public void First_digits_of_a_hash_are_those_of_torchgeo_which_hold_where_the_whole_hash_is_known()
    {
        var named = ModelCards.All.Where(card => card.Url?.AbsolutePath.StartsWith("/torchgeo/", StringComparison.Ordinal) == true && card.Family != "scalemae").ToList();
        Assert.All(named, card => Assert.EndsWith($"-{card.Sha256Prefix ?? card.Sha256![..8]}.pth", card.File, StringComparison.Ordinal));
        Assert.Contains(named, card => card.Sha256 is not null);
        Assert.All(ModelCards.All.Except(named), card => Assert.Null(card.Sha256Prefix));
    }

    [Fact]
    public void Every_card_says_how_many_weights_there_are() => Assert.All(ModelCards.All, card => Assert.True(card.Parameters > 0, card.Name));

    [Fact]
    public void Parameters_are_the_totals_of_the_reference_state_dicts()
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Golden, "state_dicts"));
        foreach (var path in Directory.GetFiles(folder, "*.json"))
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            var card = ModelCards.All.FirstOrDefault(card => card.Name == Path.GetFileNameWithoutExtension(path));
            Assert.True(card is not null, $"{path} has no card");
            Assert.Equal(json.RootElement.GetProperty("parameters").GetInt64(), card.Parameters);
        }
    }

    [Fact]
    public void A_name_that_is_not_known_brings_similar_ones()
    {
        Assert.Contains("terramind_v1_base", Assert.Throws<ModelCardException>(() => ModelCards.Find("terramind")).Message, StringComparison.Ordinal);
        Assert.Contains("eoonnx models list", Assert.Throws<ModelCardException>(() => ModelCards.Find("zzz")).Message, StringComparison.Ordinal);
        Assert.Contains("dofa", Assert.Throws<ModelCardException>(() => ModelCards.OfFamily("zzz")).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("null"), InlineData("{}"), InlineData("[]"), InlineData("""{"name":"a","family":"b","title":"c","inputs":[],"licence":"MIT","paper":"p","source":"s","surprise":1}""")]
    public void A_damaged_card_is_refused_by_name(string json) => Assert.Contains("card.json", Assert.Throws<ModelCardException>(() => ModelCards.Parse(json, "card.json")).Message, StringComparison.Ordinal);

    private static readonly Lazy<JsonSchema> Schema = new(() => JsonSchema.FromFile(Path.Combine(SharedData.Repository, "docs", "model-card.schema.json")));
}
