using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Adapters;

/// <summary>
/// A trained adapter: the tensors that replace a task model's defaults, and what is known of how they came about. The file of truth is
/// <c>adapter.safetensors</c>; PEFT folders and <c>.onnx_adapter</c> files are made from it.
/// </summary>
/// <remarks>Tensors carry the names of the graph's inputs and the reference's orientation: LoRA A [r, in], B [out, r]; the update of a layer is
/// s·B·A with s = alpha / r, or alpha / √r with rsLoRA, where r is the first extent of A.</remarks>
public sealed record AdapterFile
{
    /// <summary>The tensors by the name of the graph input that each overrides.</summary>
    public required IReadOnlyDictionary<string, TensorData> Tensors { get; init; }

    /// <summary>LoRA's alpha; null when there is no LoRA, or when B holds its scale already.</summary>
    public double? LoraAlpha { get; init; }

    /// <summary>The update is scaled by alpha / √r instead of alpha / r.</summary>
    public bool UseRslora { get; init; }

    /// <summary>Dropout of LoRA in training; it does not act on predictions.</summary>
    public double LoraDropout { get; init; }

    /// <summary>Factor of parallel bottleneck adapters, whose <c>up</c> tensors are stored without it; 1 when they hold it already.</summary>
    public double ParallelScale { get; init; } = 1;

    /// <summary>Identity of the frozen base (<see cref="WeightsHash"/>).</summary>
    public string? BaseSha256 { get; init; }

    /// <summary>Name of the base, for messages.</summary>
    public string? BaseName { get; init; }

    /// <summary>How it was trained, as JSON.</summary>
    public string? RecipeJson { get; init; }

    /// <summary>Its validation metrics, as JSON.</summary>
    public string? MetricsJson { get; init; }

    /// <summary>The task's bands, classes and so on.</summary>
    public ModelManifest? Manifest { get; init; }

    /// <summary>Reads <c>adapter.safetensors</c>, an <c>.onnx_adapter</c> file (whose base is unknown), or a PEFT folder.</summary>
    /// <exception cref="AdapterException">A LoRA tensor lacks its partner, or their shapes do not fit; the message names it.</exception>
    /// <exception cref="FileFormatException">The file is damaged, or its version is newer than this program.</exception>
    public static AdapterFile Open(string path)
    {
        if (Directory.Exists(path))
        {
            return PeftFolder.Read(path);
        }

        if (Path.GetExtension(path).Equals(".onnx_adapter", StringComparison.OrdinalIgnoreCase))
        {
            return new AdapterFile { Tensors = OnnxAdapterFile.Open(path).Tensors };
        }

        var file = SafetensorsFile.Open(path);
        string? Text(string key) => file.Metadata.GetValueOrDefault(key);
        if (Text(AdapterMetadata.Version) is { } version && version != "1")
        {
            throw new FileFormatException($"{path} is an adapter of version {version}; this program reads version 1. Use a newer eoonnx.");
        }

        double? Number(string key, string what) => Text(key) is not { } text ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number
            : throw new FileFormatException($"{path} has the {what} '{text}'; expected a number. The file is damaged.");
        var adapter = new AdapterFile
        {
            Tensors = file.Tensors.ToDictionary(tensor => AdapterMetadata.GraphName(tensor.Key), tensor => tensor.Value, StringComparer.Ordinal),
            LoraAlpha = Number(AdapterMetadata.LoraAlpha, "LoRA alpha"),
            LoraDropout = Number(AdapterMetadata.LoraDropout, "LoRA dropout") ?? 0,
            ParallelScale = Number(AdapterMetadata.ParallelScale, "scale of parallel adapters") ?? 1,
            UseRslora = Text(AdapterMetadata.UseRslora) == "true",
            BaseSha256 = Text(AdapterMetadata.BaseSha256),
            BaseName = Text(AdapterMetadata.BaseName),
            RecipeJson = Text(AdapterMetadata.Recipe),
            MetricsJson = Text(AdapterMetadata.Metrics),
            Manifest = Text(AdapterMetadata.Manifest) is { } manifest ? ModelManifest.Parse(manifest) : null,
        };
        adapter.RequireWholeLora(path);
        return adapter;
    }

    /// <summary>Writes <c>adapter.safetensors</c> atomically; equal adapters give equal bytes.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full; the target is unchanged.</exception>
    public void Write(string path)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt", [AdapterMetadata.Version] = "1" };
        void Put(string key, string? text)
        {
            if (text is not null)
            {
                metadata[key] = text;
            }
        }

        Put(AdapterMetadata.LoraAlpha, LoraAlpha?.ToString("R", CultureInfo.InvariantCulture));
        Put(AdapterMetadata.UseRslora, UseRslora ? "true" : null);
        Put(AdapterMetadata.LoraDropout, LoraDropout == 0 ? null : LoraDropout.ToString("R", CultureInfo.InvariantCulture));
        Put(AdapterMetadata.ParallelScale, ParallelScale == 1 ? null : ParallelScale.ToString("R", CultureInfo.InvariantCulture));
        Put(AdapterMetadata.BaseSha256, BaseSha256);
        Put(AdapterMetadata.BaseName, BaseName);
        Put(AdapterMetadata.Recipe, RecipeJson);
        Put(AdapterMetadata.Metrics, MetricsJson);
        Put(AdapterMetadata.Manifest, Manifest?.ToJson());
        SafetensorsFile.Write(path, Tensors.Select(tensor => KeyValuePair.Create(FileName(tensor.Key), tensor.Value)), metadata);
    }

    /// <summary>Writes the form that a path names: <c>.safetensors</c>, <c>.onnx_adapter</c> (which keeps the tensors alone), or a folder for PEFT.</summary>
    /// <exception cref="AdapterException">PEFT has no form for the method.</exception>
    /// <exception cref="IOException">The folder cannot be written or the disk is full; the target is unchanged.</exception>
    public void Save(string path)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".safetensors":
                Write(path);
                break;
            case ".onnx_adapter":
                ToOnnxAdapter().Write(path);
                break;
            case "":
                PeftFolder.Write(this, path);
                break;
            default:
                throw new AdapterException($"{path} ends like no adapter; expected .safetensors, .onnx_adapter, or a folder's name without a dot for PEFT.");
        }
    }

    /// <summary>The tensors as ONNX Runtime takes them: the scale s is multiplied into every LoRA B and every parallel adapter's <c>up</c>, everything else is unchanged.</summary>
    /// <param name="wanted">Names of the graph inputs to fill; null takes all. ONNX Runtime fails on a name that its graph lacks.</param>
    public OnnxAdapterFile ToOnnxAdapter(IReadOnlySet<string>? wanted = null) => new(Tensors
        .Where(tensor => wanted?.Contains(tensor.Key) != false)
        .ToDictionary(tensor => tensor.Key, tensor => Scaled(tensor.Key, tensor.Value), StringComparer.Ordinal));

    /// <summary>The factor s of the LoRA pair that a B tensor (or its bias) belongs to.</summary>
    /// <exception cref="AdapterException">There is no A beside this B.</exception>
    public double ScaleOf(string nameOfB)
    {
        if (LoraAlpha is not { } alpha)
        {
            return 1;
        }

        var nameOfA = LoraTensors.Partner(nameOfB);
        return nameOfA is not null && Tensors.TryGetValue(nameOfA, out var a) ? LoraTensors.Scale(alpha, a.Shape[0], UseRslora)
            : throw new AdapterException($"The adapter holds '{nameOfB}' but not '{nameOfA}'; both are needed to scale it.");
    }

    /// <summary>Refuses a base that the adapter was not trained on.</summary>
    /// <param name="sha256">Identity of the base at hand; null when it has none.</param>
    /// <param name="name">Its name, for the message.</param>
    /// <exception cref="AdapterException">The identities differ; the message has both names and both hashes.</exception>
    public void RequireBase(string? sha256, string name)
    {
        if (BaseSha256 is { } expected && !string.Equals(expected, sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new AdapterException(
                $"This adapter was trained on {BaseName ?? "a base without a name"} (weights {Short(expected)}); {name} has the weights {Short(sha256 ?? "unknown")}. " +
                "Use it with its own base, or train an adapter for this one.");
        }
    }

    internal void RequireWholeLora(string source)
    {
        if (LoraTensors.Misfit(Tensors) is { } misfit)
        {
            throw new AdapterException($"{source} {misfit}");
        }
    }

    private static string FileName(string graphName) =>
        TrainableTensor.IsBehindEncoder(graphName) ? graphName : AdapterMetadata.PeftPrefix + graphName;

    private TensorData Scaled(string name, TensorData tensor) =>
        LoraTensors.Scaled(tensor, LoraTensors.IsB(name) ? ScaleOf(name) : LoraTensors.IsParallelUp(name) ? ParallelScale : 1);

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] + "…" : hash;
}
