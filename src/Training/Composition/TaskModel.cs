using EoOnnx.Decoders;
using EoOnnx.Decoders.Layers;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Composition;

/// <summary>
/// A task to be trained: an encoder with adapters in it and a head or decoder behind it, as forward graphs whose trainable tensors
/// are overridable inputs that hold the untrained values.
/// </summary>
public sealed class TaskModel
{
    /// <summary>Name of the output that the loss is computed from.</summary>
    public const string PredictionName = "logits";

    internal TaskModel(OnnxModel trainingModel, OnnxModel inferenceModel, IReadOnlyList<TrainableTensor> trainables, IReadOnlyList<string>? buffers = null) =>
        (TrainingModel, InferenceModel, Trainables, Buffers) = (trainingModel, inferenceModel, trainables, buffers ?? []);

    /// <summary>The forward graph as it is trained: adapters with their scaling as a constant, BatchNorm with batch statistics.
    /// Its output is <c>logits</c>; its trainable inputs take tensors as adapter files store them.</summary>
    public OnnxModel TrainingModel { get; }

    /// <summary>The forward graph as it is saved and used: symbolic LoRA ranks, scaling folded into the adapter. Its trainable inputs
    /// take <see cref="TrainableTensor.ForInference"/> of a trained tensor; by default they hold the untrained ones.</summary>
    public OnnxModel InferenceModel { get; }

    /// <summary>The trainable tensors, in the order of the graphs' inputs. Each has the orientation of the reference implementation
    /// ([out, in] for linear layers), whatever the graph stores for frozen ones.</summary>
    public IReadOnlyList<TrainableTensor> Trainables { get; }

    /// <summary>Names of tensors that training updates without a gradient (running statistics): inputs NAME whose next value is the
    /// training model's output <c>NAME.next</c>.</summary>
    public IReadOnlyList<string> Buffers { get; }

    /// <summary>Samples that every training batch needs: 2 when a BatchNorm sees a single value per channel and sample (a decoder that pools the
    /// whole map), else 1.</summary>
    public int SmallestBatch { get; private init; } = 1;

    /// <summary>True when what a sample becomes depends on the others of its batch.</summary>
    internal bool HasBatchStatistics => Buffers.Any(name => name != Dropout.CounterName);

    /// <summary>Further outputs of the training model, with the weights of their losses.</summary>
    public IReadOnlyList<(string Output, double Weight)> Auxiliaries { get; private init; } = [];

    /// <summary>How the encoder is trained; null when it is frozen.</summary>
    public PeftOptions? Peft { get; internal init; }

    /// <summary>What makes prefixes while they are trained; null when nothing does.</summary>
    internal PrefixEncoder? Reparametrization { get; private init; }

    /// <summary>The manifest of the encoder, or of the whole model that was adapted; null when it has none.</summary>
    public ModelManifest? Base { get; internal init; }

    /// <summary>The task's manifest, when its encoder or its description has one.</summary>
    public ModelManifest? Manifest => ManifestOf(InferenceModel);

    /// <summary>Puts adapters into an encoder and necks, a decoder and a head behind it. BatchNorm trains with the statistics of the batch and
    /// its running statistics are <see cref="Buffers"/>; so is the step counter of dropout.</summary>
    /// <param name="encoder">An encoder whose manifest describes its features; it is not changed, its weights are shared.</param>
    /// <param name="peft">How the encoder is trained; null leaves it frozen.</param>
    /// <param name="decoder">What makes a prediction of the features; all of it is trained, from fresh values.</param>
    /// <param name="description">Name, task and classes for the manifest; null for a segmentation of unnamed classes.</param>
    /// <exception cref="TrainingException">The encoder has no manifest or lacks a feature that it names; a target hits no layer.</exception>
    /// <exception cref="DecoderException">The parts of the decoder do not fit the features or each other.</exception>
    public static TaskModel Compose(OnnxModel encoder, PeftOptions? peft, Decoder decoder, TaskDescription? description = null)
    {
        description ??= new TaskDescription { Task = decoder.PredictsMap ? ModelTask.Segmentation : ModelTask.Classification };
        var training = Build(encoder, peft, decoder, description, GraphForm.Training);
        var inference = Build(encoder, peft, decoder, description, GraphForm.Inference);
        return Join(training, inference, peft, encoder, [.. decoder.Auxiliaries.Select(auxiliary => (AuxiliaryName(auxiliary.Name), auxiliary.Weight))]);
    }

    /// <summary>Makes a whole model, head included, trainable. Its first output becomes <c>logits</c>.</summary>
    /// <exception cref="TrainingException">A target hits no layer.</exception>
    public static TaskModel Adapt(OnnxModel model, PeftOptions peft)
    {
        return Join(Adapt(model, peft, GraphForm.Training), Adapt(model, peft, GraphForm.Inference), peft, model);
    }

    /// <summary>Trained tensors as the inference model's slots are called: a network that made prefixes is thrown away, its prefixes stay.</summary>
    internal IReadOnlyDictionary<string, TensorData> WithoutReparametrization(IReadOnlyDictionary<string, TensorData> tensors) => Reparametrization is null ? tensors
        : tensors.Where(item => !PrefixEncoder.Names.Contains(item.Key)).Concat(Reparametrization.Expand(tensors).Where(item => InferenceModel.Graph.FindInput(item.Key) is not null))
            .ToDictionary(StringComparer.Ordinal);

    /// <summary>The same task as graphs that begin further back: what they take in place of the image is made elsewhere.</summary>
    internal TaskModel WithGraphs(OnnxModel trainingModel, OnnxModel inferenceModel) => new(trainingModel, inferenceModel, Trainables, Buffers)
    {
        SmallestBatch = SmallestBatch,
        Auxiliaries = Auxiliaries,
        Peft = Peft,
        Base = Base,
        Reparametrization = Reparametrization,
    };

    /// <summary>Makes optional inputs of the training model ones that every batch must fill; those of the inference model stay optional.</summary>
    internal void Require(IEnumerable<string> optionalInputs)
    {
        foreach (var name in optionalInputs)
        {
            TrainingModel.Graph.RemoveInitializer(TrainingModel.Graph.FindInput(name) ?? throw new TrainingException($"The prediction does not depend on the input '{name}'; leave out data.coordinates."));
        }
    }

    private static TaskModel Join(BuiltForm training, BuiltForm inference, PeftOptions? peft, OnnxModel model, IReadOnlyList<(string Output, double Weight)>? auxiliaries = null) =>
        new(training.Model, inference.Model, training.Trainables, [.. training.Layers.Buffers.Select(buffer => buffer.Name)])
        {
            SmallestBatch = training.Layers.SmallestBatch,
            Auxiliaries = auxiliaries ?? [],
            Peft = peft,
            Base = ManifestOf(model),
            Reparametrization = training.Reparametrization,
        };

    private static BuiltForm Adapt(OnnxModel model, PeftOptions peft, GraphForm form)
    {
        var copy = model.Clone();
        var layers = Layers(copy, form, peft.Seed);
        var graph = ApplyPeft(layers, peft, form);
        var prediction = copy.Graph.Outputs[0];
        copy.Graph.SetOutputs();
        graph.Op.Output(prediction, PredictionName);
        OutputBuffers(layers);
        return new BuiltForm(copy, Finish(copy, graph.Trainables), layers, graph.Reparametrization);
    }

    private static BuiltForm Build(
        OnnxModel encoder, PeftOptions? peft, Decoder decoder, TaskDescription description, GraphForm form)
    {
        var manifest = Described(encoder);
        var copy = encoder.Clone();
        var layers = Layers(copy, form, decoder.Seed);
        var graph = ApplyPeft(layers, peft, form);
        var op = graph.Op;
        var prediction = decoder.Build(layers, FeatureMaps.For(op, decoder, Features(copy, manifest)), copy.Graph.Inputs[0], out var auxiliaries);
        copy.Graph.SetOutputs();
        Value Restore(Value value) => description.Targets is { } scaling ? scaling.Restore(op, value) : value;
        op.Output(Restore(prediction), PredictionName);
        foreach (var (auxiliary, output) in decoder.Auxiliaries.Zip(auxiliaries))
        {
            op.Output(Restore(output), AuxiliaryName(auxiliary.Name));
        }

        OutputBuffers(layers);
        var trainables = Finish(copy, [.. graph.Trainables, .. layers.Parameters.Select(name => new TrainableTensor(name, name))]);
        copy.Metadata[ModelManifest.MetadataKey] = description.Apply(manifest, decoder.Classes).ToJson();
        return new BuiltForm(copy, trainables, layers, graph.Reparametrization);
    }

    private static LayerBuilder Layers(OnnxModel model, GraphForm form, long seed) =>
        new(new GraphBuilder(model.Graph), TensorSources.Random(seed), form == GraphForm.Training ? LayerUse.Training : LayerUse.Replaceable, seed);

    private static void OutputBuffers(LayerBuilder layers)
    {
        foreach (var (name, next) in layers.Buffers)
        {
            layers.Op.Output(next, $"{name}.next");
        }
    }

    private static string AuxiliaryName(string head) => $"{PredictionName}.{head}";

    private static ModelManifest Described(OnnxModel encoder)
    {
        var manifest = ManifestOf(encoder) ?? throw new TrainingException(
            $"The encoder {encoder.Graph.Name} has no manifest ({ModelManifest.MetadataKey}), so its features are unknown. Export it with eoonnx export.");
        if (manifest.Features.Count == 0)
        {
            throw new TrainingException($"The manifest of {manifest.Name} lists no features; a head needs at least one. Export the encoder with eoonnx export.");
        }

        return manifest with { WeightsSha256 = manifest.WeightsSha256 ?? WeightsIdentity.Of(encoder) };
    }

    private static List<EncoderFeature> Features(OnnxModel model, ModelManifest manifest) => [.. manifest.Features.Select(feature => new EncoderFeature(
        model.Graph.FindOutput(feature.Output) ?? throw new TrainingException(
            $"The manifest of {manifest.Name} names a feature {feature.Output}; the graph's outputs are {string.Join(", ", model.Graph.Outputs.Select(output => output.Name))}."),
        feature))];

    private static PeftGraph ApplyPeft(LayerBuilder layers, PeftOptions? peft, GraphForm form)
    {
        var graph = new PeftGraph(layers.Op, form, peft?.Seed ?? 0, layers);
        peft?.Apply(graph);
        graph.ThawModules(peft?.ModulesToSave ?? []);
        return graph;
    }

    /// <summary>Orders inputs and nodes; drops trainable tensors that the prediction does not depend on, such as those of a block behind the last feature.</summary>
    private static List<TrainableTensor> Finish(OnnxModel model, IReadOnlyList<TrainableTensor> trainables)
    {
        var graph = model.Graph;
        graph.RemoveUnused();
        var kept = new List<TrainableTensor>();
        foreach (var trainable in trainables)
        {
            var input = graph.FindInput(trainable.Name)!;
            if (graph.Consumers(input).Any())
            {
                kept.Add(trainable);
                graph.MoveInputToEnd(input);
            }
            else
            {
                graph.RemoveInitializer(input);
                graph.RemoveInput(input);
            }
        }

        graph.Sort();
        return kept;
    }

    private static ModelManifest? ManifestOf(OnnxModel model) => model.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json) : null;

    private sealed record BuiltForm(OnnxModel Model, IReadOnlyList<TrainableTensor> Trainables, LayerBuilder Layers, PrefixEncoder? Reparametrization);
}
