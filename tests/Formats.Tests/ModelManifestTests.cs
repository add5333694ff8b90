namespace EoOnnx.Formats.Tests;

public class ModelManifestTests
{
    private static readonly ModelManifest Sample = new()
    {
        Name = "burn scars", Family = "dofa", Task = ModelTask.Segmentation, Tile = 224, Patch = 16,
        Bands = [new ManifestBand("B02", 1087, 2248, 0.49), new ManifestBand("VV")], Classes = [new ManifestClass(0, "background"), new ManifestClass(1, "burned", "#ff5000")],
        Features = [new ManifestFeature("block_11", "tokens", 768, 1, 14, 14)], Activation = "softmax", WeightsSha256 = "ab",
        OptionalInputs = [new ManifestInput("location_coords", "[batch, 2]")],
        Modalities = [new ManifestModality("S1GRD", "S1GRD", "image", [new ManifestBand("VV", -12.6, 5.2)]), new ManifestModality("LULC", null, "tokens", [], 4375)],
    };

    [Fact]
    public void A_manifest_survives_json()
    {
        var json = Sample.ToJson();
        Assert.Equal(json, ModelManifest.Parse(json).ToJson());
        Assert.Contains("\"standardDeviation\":2248", json, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newer_version_is_refused_by_number() =>
        Assert.Contains("version 7", Assert.Throws<FileFormatException>(() => ModelManifest.Parse(Sample.ToJson().Replace("\"version\":1", "\"version\":7", StringComparison.Ordinal))).Message, StringComparison.Ordinal);

    [Theory, InlineData("{}"), InlineData("null"), InlineData("[1]"), InlineData("""{"name":"a","family":"b","task":"Flying"}"""), InlineData("""{"name":"a","family":"b","task":"Features","tile":-4}"""),
     InlineData("""{"name":"a","family":"b","task":"Features","bands":[{"id":"x","mean":0,"standardDeviation":0}]}""")]
    public void Damaged_manifests_are_refused(string json) => Assert.Throws<FileFormatException>(() => ModelManifest.Parse(json));

    [Fact]
    public void A_manifest_written_before_modalities_has_none()
    {
        var manifest = ModelManifest.Parse("""{"name":"a","family":"b","task":"Features","modalities":null}""");
        Assert.Empty(manifest.Modalities);
        Assert.Empty(manifest.OptionalInputs);
    }

    [Fact]
    public void Absent_members_have_their_defaults()
    {
        var minimal = new ModelManifest { Name = "a", Family = "b", Task = ModelTask.Regression };
        Assert.Equal(minimal.ToJson(), ModelManifest.Parse("""{"name":"a","family":"b","task":"regression"}""").ToJson());
        Assert.Equal((1.0, 1, "none", 1.0), (minimal.ValueScale, minimal.Frames, minimal.Activation, minimal.OutputScale));
    }

    [Fact]
    public void A_member_that_stands_there_twice_is_refused() => Assert.Contains("name", Assert.Throws<FileFormatException>(
        () => ModelManifest.Parse("""{"name":"a","name":"z","family":"b","task":"features"}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_modality_of_an_unknown_kind_is_refused() => Assert.Contains("'video'", Assert.Throws<FileFormatException>(
        () => ModelManifest.Parse("""{"name":"a","family":"b","task":"Features","modalities":[{"name":"x","kind":"video"}]}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Unknown_members_are_ignored() =>
        Assert.Equal("a", ModelManifest.Parse("""{"name":"a","family":"b","task":"Features","futureMember":{"x":1}}""").Name);

    [Fact]
    public void The_weights_hash_sees_names_shapes_types_and_bytes_but_not_the_order()
    {
        var (a, b) = (TensorData.FromValues<float>([2], [1, 2]), TensorData.FromValues<float>([1, 2], [1, 2]));
        var first = WeightsHash.Compute([new("x", a), new("y", b)]);
        Assert.Equal(first, WeightsHash.Compute([new("y", b), new("x", a)]));
        Assert.NotEqual(first, WeightsHash.Compute([new("x", b), new("y", b)]));
        Assert.NotEqual(first, WeightsHash.Compute([new("z", a), new("y", b)]));
    }
}
