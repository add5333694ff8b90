using System.Runtime.InteropServices;
using System.Security.Cryptography;
using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Trainer;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Features;

/// <summary>The features of one set of samples: which are needed, where they are, and how they are made.</summary>
internal sealed class FeatureSet : IDisposable
{
    private const double Tolerance = 1e-3;

    private readonly SampleSet _samples;
    private readonly BatchLoaderOptions _loading;
    private readonly List<(int Sample, int? Epoch)> _forms = [];
    private readonly Dictionary<(int Sample, int Variant), int> _records = [];
    private readonly FeatureLayout _layout;
    private readonly Lazy<string> _identity;
    private IRecordStore? _features;
    private IRecordStore? _targets;

    /// <param name="prefix">The frozen part.</param>
    /// <param name="samples">Samples that it is run over.</param>
    /// <param name="loading">Seed and batch.</param>
    /// <param name="epochs">Epochs of training, whose random positions are drawn in advance; null for samples that are not changed.</param>
    /// <param name="precision">How features are stored.</param>
    public FeatureSet(FrozenPrefix prefix, SampleSet samples, BatchLoaderOptions loading, int? epochs, FeaturePrecision precision)
    {
        (Prefix, _samples, _loading, _layout) = (prefix, samples, loading, new FeatureLayout(prefix.Features, precision));
        _identity = new Lazy<string>(() => PrefixIdentity.Of(prefix.Prefix, OrtEnv.Instance().GetVersionString(), precision.ToString()));
        for (var sample = 0; sample < samples.Count; sample++)
        {
            for (var epoch = 0; epoch < (epochs ?? 1); epoch++)
            {
                var variant = samples.VariantOf(sample, epochs is null ? null : BatchLoader.Draw(loading.Seed, epoch, sample));
                if (_records.TryAdd((sample, variant), _forms.Count))
                {
                    _forms.Add((sample, epochs is null ? null : epoch));
                }
            }
        }
    }

    /// <summary>The frozen part.</summary>
    public FrozenPrefix Prefix { get; }

    /// <summary>Identity of the frozen part, its weights, the runtime and the form of its records.</summary>
    public string Identity => _identity.Value;

    /// <summary>Number of records.</summary>
    public int Records => _forms.Count;

    /// <summary>Bytes of all features.</summary>
    public long FeatureBytes => (long)Records * _layout.RecordBytes;

    /// <summary>Bytes of all targets.</summary>
    public long TargetBytes => (long)Records * _samples.Target.Length * sizeof(int);

    /// <summary>Samples that went through the frozen part.</summary>
    public int Computed { get; private set; }

    /// <summary>Chooses where records are kept, and gives the samples that read them.</summary>
    /// <param name="folder">Folder of features; null keeps them in memory.</param>
    /// <param name="temporary">A file for targets that need not outlive the run.</param>
    public FeatureSamples Open(string? folder, string temporary)
    {
        _features = folder is null ? new MemoryRecords(Records) : new FeatureFolder(folder, Identity, Records, _layout.RecordBytes);
        _targets = folder is null ? new MemoryRecords(Records) : new TemporaryRecords(temporary, _samples.Target.Length * sizeof(int));
        return new FeatureSamples(_samples, _layout, _records, _features, _targets);
    }

    /// <summary>Bytes that may yet be written into the folder of features; 0 in memory.</summary>
    public long BytesToWrite => _features is FeatureFolder folder ? Math.Max(0, (long)Records - folder.Stored) * _layout.RecordBytes : 0;

    /// <summary>Runs the frozen part over what is not there yet. Batches are always the same: one of whose samples any is absent is computed as a whole, so that
    /// a run that goes on after a crash gets the bits that it would have had.</summary>
    /// <param name="session">The frozen part on ONNX Runtime; opened when it is needed.</param>
    /// <param name="progress">Told the number of records that are done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="TrainingException">The frozen part mixes the samples of a batch.</exception>
    /// <exception cref="TrainingDataException">A chip cannot be used.</exception>
    public async Task FillAsync(Lazy<InferenceSession> session, Action<int> progress, CancellationToken cancellation)
    {
        var inputs = Prefix.Prefix.Graph.Inputs;
        var record = new byte[_layout.RecordBytes];
        var loader = new BatchLoader(new VariantSamples(_samples, _forms, _loading.Seed), _loading, training: false);
        using var run = new RunOptions();
        await foreach (var batch in loader.ReadAsync(0, 0, cancellation).ConfigureAwait(false))
        {
            using (batch)
            {
                for (var slot = 0; slot < batch.Count; slot++)
                {
                    _targets!.Write(batch.Samples[slot], FeatureSamples.TargetOf(batch, slot));
                }

                var absent = Enumerable.Range(0, batch.Count).Where(slot => _features is not FeatureFolder folder || !folder.Find(batch.Samples[slot], Content(batch, slot))).ToList();
                if (absent.Count > 0)
                {
                    using var tensors = new BatchTensors(batch, inputs);
                    using var outputs = Run(session.Value, run, tensors);
                    CheckIndependence(session.Value, run, batch, outputs);
                    foreach (var slot in absent)
                    {
                        _layout.Encode(outputs, slot, record);
                        _features!.Write(batch.Samples[slot], record);
                    }

                    Computed += absent.Count;
                }

                progress(batch.Count);
            }
        }
    }

    public void Dispose()
    {
        _features?.Dispose();
        _targets?.Dispose();
    }

    private IDisposableReadOnlyCollection<OrtValue> Run(InferenceSession session, RunOptions run, BatchTensors tensors) =>
        session.Run(run, session.InputNames, [.. session.InputNames.Select(name => tensors.Find(name)!)], [.. _layout.Features.Select(feature => feature.Name)]);

    /// <summary>SHA-256 of a sample's inputs as the model gets them.</summary>
    private static string Content(Batch batch, int slot)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var input in batch.Inputs)
        {
            var length = input.Layout.Length;
            hash.AppendData(input.Layout.Type == ElementType.Int64
                ? MemoryMarshal.AsBytes(input.Integers.Span.Slice(slot * length, length)) : MemoryMarshal.AsBytes(input.Floats.Span.Slice(slot * length, length)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Features are kept sample by sample: nothing in front of the cut may look at the other samples of a batch. Checked once, on the first batch with two.
    private void CheckIndependence(InferenceSession session, RunOptions run, Batch batch, IReadOnlyList<OrtValue> outputs)
    {
        if (Computed > 0 || batch.Count < 2)
        {
            return;
        }

        using var alone = new Batch(1, _samples, _ => { }) { Chips = [batch.Chips[0]], Names = [batch.Names[0]] };
        foreach (var (from, to) in batch.Inputs.Zip(alone.Inputs))
        {
            from.Floats[..to.Floats.Length].CopyTo(to.Floats);
            from.Integers[..to.Integers.Length].CopyTo(to.Integers);
        }

        using var tensors = new BatchTensors(alone, Prefix.Prefix.Graph.Inputs);
        using var single = Run(session, run, tensors);
        foreach (var (index, feature) in _layout.Features.Index().Where(item => item.Item.Type == ElementType.Float))
        {
            var together = outputs[index].GetTensorDataAsSpan<float>();
            var apart = single[index].GetTensorDataAsSpan<float>()[..feature.Length];
            var (largest, difference) = (0f, 0f);
            for (var i = 0; i < apart.Length; i++)
            {
                (largest, difference) = (Math.Max(largest, Math.Abs(apart[i])), Math.Max(difference, Math.Abs(apart[i] - together[i])));
            }

            if (difference > Tolerance * largest)
            {
                throw new TrainingException($"The frozen part of the model gives other features for {batch.Names[0]} alone than in a batch (they differ by {difference:G3} of {largest:G3}), so they cannot be kept a sample. Use --cache-features off (run.cacheFeatures).");
            }
        }
    }
}
