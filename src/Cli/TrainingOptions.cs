using System.CommandLine;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Features;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Cli;

/// <summary>The options that make a training recipe, or the recipe file that stands for them.</summary>
internal sealed class TrainingOptions
{
    private static readonly OptimizerRecipe Optimizer = new();
    private static readonly RunRecipe Run = new();

    private readonly Argument<FileInfo> _recipe = new Argument<FileInfo>("recipe") { Description = "A recipe in YAML, instead of the options below.", Arity = ArgumentArity.ZeroOrOne }.AcceptExistingOnly();
    private readonly Option<string[]> _set = new("--set") { Description = "A setting that replaces the recipe's, for example optimizer.learningRate=1e-4; repeat the option for more.", HelpName = "name=value" };
    private readonly Option<FileInfo?> _model = SharedOptions.OptionalFile("--model", "The encoder, an .onnx file that eoonnx export wrote.");
    private readonly Option<TaskName> _task = SharedOptions.Choice("--task", TaskName.Segmentation, "What is predicted: a class or a value for each pixel (segmentation, regression), or a class, several labels or values for each chip.");
    private readonly Option<string[]?> _classes = SharedOptions.Classes("Names of the classes or labels; label values count from 0, or are given: water=1,land=2. None for measured values.", required: false);

    private readonly RecipeOptions<DataRecipe> _data = new()
    {
        { SharedOptions.Optional<string>("--unit", "Unit of measured labels, kept in the model.", "unit"), (data, unit) => data with { Unit = unit } },
        { new Option<double[]>("--wavelengths") { Description = "Central wavelengths of the bands in micrometres, for an encoder that takes any bands.", HelpName = "0.49,0.56", CustomParser = Lists.Numbers }, (data, wavelengths) => data with { Wavelengths = wavelengths ?? [] } },
        { SharedOptions.WithDefault("--validation-share", 0.2, "Share of the chips that is held out.", "share"), (data, share) => data with { ValidationShare = share } },
        { new Option<string[]>("--hold-out") { Description = "Names of the chips to hold out instead of a share.", HelpName = "names", CustomParser = Lists.Texts }, (data, names) => data with { HoldOut = names ?? [] } },
        { SharedOptions.Choice("--statistics", StatisticsSource.Auto, "Where mean and deviation of the bands come from; auto takes the model's when it has any, else the training chips'."), (data, source) => data with { Statistics = source } },
        { new Option<bool>("--no-augmentation") { Description = "Do not flip, rotate or crop at random." }, (data, without) => data with { Augment = !without } },
    };

    private readonly RecipeOptions<LossRecipe> _loss = new()
    {
        { LossOption.Create(), LossOption.Apply },
        { SharedOptions.Choice("--class-weights", ClassWeighting.None, "Weights of rare classes in the cross-entropy."), (loss, weighting) => loss with { ClassWeights = weighting } },
        { new Option<bool>("--standardize-target") { Description = "Standardise the targets of a regression by the training targets; the model's output stays in their unit." }, (loss, standardize) => loss with { StandardizeTarget = standardize } },
    };

    private readonly RecipeOptions<OptimizerRecipe> _optimizer = new()
    {
        { SharedOptions.Choice("--optimizer", OptimizerName.Adamw, "The update rule."), (optimizer, name) => optimizer with { Name = name } },
        { SharedOptions.WithDefault("--lr", Optimizer.LearningRate, "Learning rate.", "rate"), (optimizer, rate) => optimizer with { LearningRate = rate } },
        { SharedOptions.Optional<double?>("--head-lr", "Learning rate of decoder and head. Default: that of --lr.", "rate"), (optimizer, rate) => optimizer with { HeadLearningRate = rate } },
        { SharedOptions.Optional<double?>("--weight-decay", "Weight decay. Default: the optimizer's own.", "decay"), (optimizer, decay) => optimizer with { WeightDecay = decay } },
        { SharedOptions.Choice("--schedule", ScheduleName.Cosine, "How the learning rate changes."), (optimizer, schedule) => optimizer with { Schedule = schedule } },
        { SharedOptions.WithDefault("--warm-up", Optimizer.WarmUp, "Share of the run in which the learning rate rises, with --schedule cosine.", "share"), (optimizer, share) => optimizer with { WarmUp = share } },
        { SharedOptions.Optional<double?>("--lr-gamma", "What the schedules step, multi-step, exponential and plateau multiply the rate with. Default: the schedule's own.", "factor"), (optimizer, factor) => optimizer with { Gamma = factor } },
        { SharedOptions.Optional<int?>("--lr-every", "Epochs between reductions (step) or restarts (cosine-restarts). Default: a third of the run.", "n"), (optimizer, epochs) => optimizer with { Every = epochs } },
        { new Option<int[]?>("--lr-milestones") { Description = "Finished epochs after which the schedule multi-step lowers the rate, for example 10,15.", HelpName = "numbers", CustomParser = Lists.Integers }, (optimizer, epochs) => optimizer with { Milestones = epochs is { Length: > 0 } ? epochs : null } },
        { SharedOptions.Optional<double?>("--lr-power", "Power of the schedule polynomial. Default: 0.9.", "power"), (optimizer, power) => optimizer with { Power = power } },
        { SharedOptions.Optional<double?>("--lr-minimum", "Share of the rate that cosine, cosine-restarts and plateau do not fall below. Default: 0.", "share"), (optimizer, share) => optimizer with { Minimum = share } },
        { SharedOptions.Optional<int?>("--lr-patience", "Epochs without a better validation loss that the schedule plateau bears. Default: 10.", "n"), (optimizer, epochs) => optimizer with { SchedulePatience = epochs } },
        { SharedOptions.Optional<double?>("--layer-decay", "Factor on the learning rate from each layer of the encoder to the one in front of it, for example 0.75; biases and norms then have no weight decay.", "factor"), (optimizer, factor) => optimizer with { LayerDecay = factor } },
        { SharedOptions.Optional<double?>("--average-decay", "Decay of a moving average (EMA) of the trained tensors that is evaluated and saved instead of them, for example 0.999.", "decay"), (optimizer, decay) => optimizer with { AverageDecay = decay } },
        { SharedOptions.Optional<double?>("--clip", "Largest norm of all gradients together.", "norm"), (optimizer, norm) => optimizer with { ClipNorm = norm } },
        { SharedOptions.Optional<double?>("--clip-value", "Largest magnitude of a gradient's element.", "value"), (optimizer, value) => optimizer with { ClipValue = value } },
        { SharedOptions.WithDefault("--accumulate", Optimizer.Accumulation, "Batches whose gradients make one step.", "n"), (optimizer, batches) => optimizer with { Accumulation = batches } },
    };

    private readonly RecipeOptions<RunRecipe> _run = new()
    {
        { SharedOptions.WithDefault("--epochs", Run.Epochs, "Passes over the training chips.", "n"), (run, epochs) => run with { Epochs = epochs } },
        { SharedOptions.WithDefault("--batch", Run.Batch, "Chips that go through the model together.", "n"), (run, batch) => run with { Batch = batch } },
        { SharedOptions.WithDefault("--seed", Run.Seed, "Seed of split, initial values, shuffling and augmentation.", "n"), (run, seed) => run with { Seed = seed } },
        { SharedOptions.WithDefault("--threads", Run.Threads, "Threads of one operator; 0 takes all physical cores.", "n"), (run, threads) => run with { Threads = threads } },
        { SharedOptions.Optional<string>("--memory", "The most memory that the run may take, for example 2GB: values are computed again and weights stay unpacked as far as that takes.", "size"), (run, memory) => run with { Memory = memory } },
        { SharedOptions.Choice("--base", Run.Base, "How the forward pass of a step multiplies with frozen weights; int8 is faster and makes gradients that are off by some per cent."), (run, form) => run with { Base = form } },
        { SharedOptions.Choice("--cache-features", Run.CacheFeatures, "Compute the frozen part of the model once and keep what it gives: in memory, or on disk for later runs too; auto takes memory, unrounded, when that fits and saves work."), (run, mode) => run with { CacheFeatures = mode } },
        { SharedOptions.Optional<string>("--cache-folder", "Folder of --cache-features disk, which any number of runs may share. Default: features in the run's folder.", "folder"), (run, folder) => run with { CacheFolder = folder } },
        { SharedOptions.OptionalChoice<FeaturePrecision>("--cache-precision", "How features are kept. Default: float32 in memory, where the result keeps its bits, and bfloat16 on disk."), (run, precision) => run with { CachePrecision = precision } },
        { SharedOptions.Choice("--best-by", BestBy.Score, "Which validation figure decides on the best epoch: mIoU or loss."), (run, figure) => run with { BestBy = figure } },
        { SharedOptions.Choice("--keep", Run.Keep, "Whose parameters are saved: those of the best epoch or of the last."), (run, epoch) => run with { Keep = epoch } },
        { SharedOptions.Optional<int?>("--patience", "Epochs without a better figure after which the run ends.", "n"), (run, epochs) => run with { Patience = epochs } },
    };

    private readonly MethodOptions _method = new();
    private readonly DecoderOptions _decoder = new();
    private ChipOptions? _chips;
    private List<Option> _replaced = [];

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_recipe);
        verb.Add(_set);
        var others = verb.Options.ToList();
        verb.Add(_model);
        _chips = new ChipOptions(verb, required: false);
        foreach (var option in (Option[])[_task, _classes, .. _data, .. _method.All, .. _decoder.All, .. _loss, .. _optimizer, .. _run])
        {
            verb.Add(option);
        }

        _replaced = [.. verb.Options.Except(others)];
    }

    /// <summary>The recipe that the command line gives.</summary>
    public TrainingRecipe Recipe(ParseResult parsed)
    {
        bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
        if (parsed.GetValue(_recipe) is { } file)
        {
            return _replaced.Find(IsGiven) is { } option
                ? throw new UsageException($"{option.Name} and a recipe were given. Write it into {file}, or use --set. See 'eoonnx train-adapter --help'.")
                : RecipeFile.Load(file.ToString(), parsed.GetValue(_set));
        }

        if (IsGiven(_set))
        {
            throw new UsageException("--set changes a recipe, and none was given. See 'eoonnx train-adapter --help'.");
        }

        if (_replaced.Where(option => option.Name is "--model" or "--data").FirstOrDefault(option => !IsGiven(option)) is { } missing)
        {
            throw new UsageException($"Option '{missing.Name}' is required without a recipe. See 'eoonnx train-adapter --help'.");
        }

        return new TrainingRecipe
        {
            Model = parsed.GetRequiredValue(_model)!.ToString(),
            Task = parsed.GetValue(_task),
            Data = _data.Apply(_chips!.Recipe(parsed, [.. (parsed.GetValue(_classes) ?? []).Select(ClassRecipe.Parse)]), parsed),
            Method = _method.Recipe(parsed),
            Decoder = _decoder.Recipe(parsed),
            Loss = _loss.Apply(new LossRecipe(), parsed),
            Optimizer = _optimizer.Apply(new OptimizerRecipe(), parsed),
            Run = _run.Apply(new RunRecipe(), parsed),
        };
    }
}
