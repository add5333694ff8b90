using System.Buffers;
using System.Runtime.InteropServices;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Features;

/// <summary>Samples whose inputs are kept features instead of images; targets are kept beside them.</summary>
internal sealed class FeatureSamples(SampleSet samples, FeatureLayout layout, IReadOnlyDictionary<(int Sample, int Variant), int> records, IRecordStore features, IRecordStore targets) : SampleSet
{
    /// <inheritdoc/>
    public override IReadOnlyList<SampleInput> Inputs => layout.Features;

    /// <inheritdoc/>
    public override SampleTarget Target => samples.Target;

    /// <inheritdoc/>
    public override int Count => samples.Count;

    /// <inheritdoc/>
    public override string NameOf(int sample) => samples.NameOf(sample);

    internal override int ChipOf(int sample) => samples.ChipOf(sample);

    internal override PixelWindow? PartOf(int sample) => samples.PartOf(sample);

    internal override void Read(int sample, KeyedRandom? random, Batch batch, int slot)
    {
        var record = records[(sample, samples.VariantOf(sample, random))];
        var buffer = ArrayPool<byte>.Shared.Rent(layout.RecordBytes);
        try
        {
            features.Read(record, buffer.AsSpan(0, layout.RecordBytes));
            layout.Decode(buffer.AsSpan(0, layout.RecordBytes), batch, slot);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        targets.Read(record, TargetOf(batch, slot));
    }

    internal override void ReadTarget(int sample, Span<int> classes, Span<float> values) => samples.ReadTarget(sample, classes, values);

    /// <summary>The bytes of a sample's target in a batch.</summary>
    public static Span<byte> TargetOf(Batch batch, int slot)
    {
        var length = batch.Target.Length;
        return batch.Target.HasClasses ? MemoryMarshal.AsBytes(batch.Classes.Span.Slice(slot * length, length)) : MemoryMarshal.AsBytes(batch.Values.Span.Slice(slot * length, length));
    }
}

/// <summary>The forms of samples that a run will see, one after the other, each once.</summary>
internal sealed class VariantSamples(SampleSet samples, IReadOnlyList<(int Sample, int? Epoch)> forms, long seed) : SampleSet
{
    /// <inheritdoc/>
    public override IReadOnlyList<SampleInput> Inputs => samples.Inputs;

    /// <inheritdoc/>
    public override SampleTarget Target => samples.Target;

    /// <inheritdoc/>
    public override int Count => forms.Count;

    /// <inheritdoc/>
    public override string NameOf(int sample) => samples.NameOf(forms[sample].Sample);

    internal override int ChipOf(int sample) => samples.ChipOf(forms[sample].Sample);

    internal override PixelWindow? PartOf(int sample) => samples.PartOf(forms[sample].Sample);

    internal override void Read(int sample, KeyedRandom? random, Batch batch, int slot)
    {
        var (number, epoch) = forms[sample];
        samples.Read(number, epoch is { } drawn ? BatchLoader.Draw(seed, drawn, number) : null, batch, slot);
    }

    internal override void ReadTarget(int sample, Span<int> classes, Span<float> values) => samples.ReadTarget(forms[sample].Sample, classes, values);
}
