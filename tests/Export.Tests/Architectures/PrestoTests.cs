using EoOnnx.Export.Architectures;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

public class PrestoTests
{
    private const string Family = "presto";
    private static readonly Presto Backbone = new();

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Encodings_equal_the_reference(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        golden.AssertClose("encoding", Encode(golden, raw: false, golden.Tensor("x"), golden.Tensor("dynamic_world")));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Stored_values_are_normalised_in_the_graph(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        golden.AssertClose("encoding", Encode(golden, raw: true, golden.Tensor("raw"), golden.Tensor("dynamic_world")));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void A_masked_token_counts_as_removed(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        golden.AssertClose("encoding_masked", Encode(golden, raw: false, Masked(golden), golden.Tensor("dynamic_world_masked")));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Samples_of_one_batch_may_lack_different_values(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var series = Mixed(golden.Tensor("x"), Masked(golden));
        var world = Mixed(golden.Tensor("dynamic_world"), golden.Tensor("dynamic_world_masked"));
        var expected = Mixed(golden.Tensor("encoding"), golden.Tensor("encoding_masked"));
        GoldenCase.AssertClose("mixed", expected, Encode(golden, raw: false, series, world));
    }

    private static TensorData Encode(GoldenCase golden, bool raw, TensorData series, TensorData world) => Ort.Run(
        GoldenCase.Model(Backbone.Build(golden.Weights(), new BackboneOptions { RawInput = raw })),
        ("series", series), ("dynamic_world", world), ("latlons", golden.Tensor("latlons")), ("month", golden.Tensor("month")))["encoding"];

    private static TensorData Masked(GoldenCase golden)
    {
        var (x, mask) = (golden.Tensor("x"), golden.Tensor("mask").ToSingles());
        return TensorData.FromValues<float>(x.Shape.AsSpan(), [.. x.ToSingles().Zip(mask, (value, masked) => masked > 0 ? float.NaN : value)]);
    }

    /// <summary>Even samples of one tensor, odd ones of another.</summary>
    private static TensorData Mixed(TensorData even, TensorData odd)
    {
        var (sources, length) = (new[] { even.Bytes, odd.Bytes }, (int)(even.ByteLength / even.Shape[0]));
        return TensorData.FromBytes(even.Type, even.Shape.AsSpan(),
            Enumerable.Range(0, (int)even.Shape[0]).SelectMany(sample => sources[sample % 2].Slice(sample * length, length).ToArray()).ToArray());
    }
}
