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
    private readonly Option<double> _validationShare = SharedOptions.WithDefault("--validation-share", 0.2, "Share of the chips that is held out.", "share");
    private readonly Option<string[]> _holdOut = new("--hold-out") { Description = "Names of the chips to hold out instead of a share.", HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<StatisticsSource> _statistics = SharedOptions.Choice("--statistics", StatisticsSource.Auto, "Where mean and deviation of the bands come from; auto takes the model's when it has any, else the training chips'.");
    private readonly Option<bool> _noAugmentation = new("--no-augmentation") { Description = "Do not flip, rotate or crop at random." };
    private readonly Option<LossName?> _loss = SharedOptions.OptionalChoice<LossName>("--loss", "The objective. Default: cross-entropy of classes, bce of several labels, mse of values.");
    private readonly Option<bool> _standardize = new("--standardize-target") { Description = "Standardise the targets of a regression by the training targets; the model's output stays in their unit." };
    private readonly Option<string?> _unit = SharedOptions.Optional<string>("--unit", "Unit of measured labels, kept in the model.", "unit");
    private readonly Option<ClassWeighting> _weights = SharedOptions.Choice("--class-weights", ClassWeighting.None, "Weights of rare classes in the cross-entropy.");
    private readonly Option<OptimizerName> _optimizer = SharedOptions.Choice("--optimizer", OptimizerName.Adamw, "The update rule.");
    private readonly Option<double> _rate = SharedOptions.WithDefault("--lr", Optimizer.LearningRate, "Learning rate.", "rate");
    private readonly Option<double?> _headRate = SharedOptions.Optional<double?>("--head-lr", "Learning rate of decoder and head. Default: that of --lr.", "rate");
    private readonly Option<double?> _decay = SharedOptions.Optional<double?>("--weight-decay", "Weight decay. Default: the optimizer's own.", "decay");
    private readonly Option<ScheduleName> _schedule = SharedOptions.Choice("--schedule", ScheduleName.Cosine, "How the learning rate changes.");
    private readonly Option<double> _warmUp = SharedOptions.WithDefault("--warm-up", Optimizer.WarmUp, "Share of the run in which the learning rate rises, with --schedule cosine.", "share");
    private readonly Option<double?> _gamma = SharedOptions.Optional<double?>("--lr-gamma", "What the schedules step, multi-step, exponential and plateau multiply the rate with. Default: the schedule's own.", "factor");
    private readonly Option<int?> _every = SharedOptions.Optional<int?>("--lr-every", "Epochs between reductions (step) or restarts (cosine-restarts). Default: a third of the run.", "n");
    private readonly Option<int[]?> _milestones = new("--lr-milestones") { Description = "Finished epochs after which the schedule multi-step lowers the rate, for example 10,15.", HelpName = "numbers", CustomParser = Lists.Integers };
    private readonly Option<double?> _power = SharedOptions.Optional<double?>("--lr-power", "Power of the schedule polynomial. Default: 0.9.", "power");
    private readonly Option<double?> _minimum = SharedOptions.Optional<double?>("--lr-minimum", "Share of the rate that cosine, cosine-restarts and plateau do not fall below. Default: 0.", "share");
    private readonly Option<int?> _ratePatience = SharedOptions.Optional<int?>("--lr-patience", "Epochs without a better validation loss that the schedule plateau bears. Default: 10.", "n");
    private readonly Option<double?> _layerDecay = SharedOptions.Optional<double?>("--layer-decay", "Factor on the learning rate from each layer of the encoder to the one in front of it, for example 0.75; biases and norms then have no weight decay.", "factor");
    private readonly Option<double?> _average = SharedOptions.Optional<double?>("--average-decay", "Decay of a moving average (EMA) of the trained tensors that is evaluated and saved instead of them, for example 0.999.", "decay");
    private readonly Option<double?> _clipValue = SharedOptions.Optional<double?>("--clip-value", "Largest magnitude of a gradient's element.", "value");
    private readonly Option<double?> _clip = SharedOptions.Optional<double?>("--clip", "Largest norm of all gradients together.", "norm");
    private readonly Option<int> _accumulate = SharedOptions.WithDefault("--accumulate", Optimizer.Accumulation, "Batches whose gradients make one step.", "n");
    private readonly Option<int> _epochs = SharedOptions.WithDefault("--epochs", Run.Epochs, "Passes over the training chips.", "n");
    private readonly Option<int> _batch = SharedOptions.WithDefault("--batch", Run.Batch, "Chips that go through the model together.", "n");
    private readonly Option<long> _seed = SharedOptions.WithDefault("--seed", Run.Seed, "Seed of split, initial values, shuffling and augmentation.", "n");
    private readonly Option<int> _threads = SharedOptions.WithDefault("--threads", Run.Threads, "Threads of one operator; 0 takes all physical cores.", "n");
    private readonly Option<string?> _memory = SharedOptions.Optional<string>("--memory", "The most memory that the run may take, for example 2GB: values are computed again and weights stay unpacked as far as that takes.", "size");
    private readonly Option<FrozenBase> _base = SharedOptions.Choice("--base", Run.Base, "How the forward pass of a step multiplies with frozen weights; int8 is faster and makes gradients that are off by some per cent.");
    private readonly Option<FeatureCaching> _cacheFeatures = SharedOptions.Choice("--cache-features", Run.CacheFeatures, "Compute the frozen part of the model once and keep what it gives: in memory, or on disk for later runs too; auto takes memory, unrounded, when that fits and saves work.");
    private readonly Option<string?> _cacheFolder = SharedOptions.Optional<string>("--cache-folder", "Folder of --cache-features disk, which any number of runs may share. Default: features in the run's folder.", "folder");
    private readonly Option<FeaturePrecision?> _cachePrecision = SharedOptions.OptionalChoice<FeaturePrecision>("--cache-precision", "How features are kept. Default: float32 in memory, where the result keeps its bits, and bfloat16 on disk.");
    private readonly Option<BestBy> _bestBy = SharedOptions.Choice("--best-by", BestBy.Score, "Which validation figure decides on the best epoch: mIoU or loss.");
    private readonly Option<KeptEpoch> _keep = SharedOptions.Choice("--keep", Run.Keep, "Whose parameters are saved: those of the best epoch or of the last.");
    private readonly Option<int?> _patience = SharedOptions.Optional<int?>("--patience", "Epochs without a better figure after which the run ends.", "n");
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
        Option[] options =
        [
            _task, _classes, _unit, _validationShare, _holdOut, _statistics, _noAugmentation, .. _method.All, .. _decoder.All, _loss, _weights, _standardize, _optimizer, _rate,
            _headRate, _decay, _schedule, _warmUp, _gamma, _every, _milestones, _power, _minimum, _ratePatience, _layerDecay, _average, _clip, _clipValue, _accumulate, _epochs, _batch, _seed, _threads, _memory, _base, _cacheFeatures, _cacheFolder, _cachePrecision, _bestBy, _keep, _patience,
        ];
        foreach (var option in options)
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

        var data = _chips!.Recipe(parsed, [.. (parsed.GetValue(_classes) ?? []).Select(ClassRecipe.Parse)]);
        return new TrainingRecipe
        {
            Model = parsed.GetRequiredValue(_model)!.ToString(),
            Task = parsed.GetValue(_task),
            Data = data with
            {
                Unit = parsed.GetValue(_unit),
                ValidationShare = parsed.GetValue(_validationShare),
                HoldOut = parsed.GetValue(_holdOut) ?? [],
                Statistics = parsed.GetValue(_statistics),
                Augment = !parsed.GetValue(_noAugmentation),
            },
            Method = _method.Recipe(parsed),
            Decoder = _decoder.Recipe(parsed),
            Loss = new LossRecipe { Name = parsed.GetValue(_loss), ClassWeights = parsed.GetValue(_weights), StandardizeTarget = parsed.GetValue(_standardize) },
            Optimizer = new OptimizerRecipe
            {
                Name = parsed.GetValue(_optimizer),
                LearningRate = parsed.GetValue(_rate),
                HeadLearningRate = parsed.GetValue(_headRate),
                WeightDecay = parsed.GetValue(_decay),
                Schedule = parsed.GetValue(_schedule),
                WarmUp = parsed.GetValue(_warmUp),
                Gamma = parsed.GetValue(_gamma),
                Every = parsed.GetValue(_every),
                Milestones = parsed.GetValue(_milestones) is { Length: > 0 } milestones ? milestones : null,
                Power = parsed.GetValue(_power),
                Minimum = parsed.GetValue(_minimum),
                SchedulePatience = parsed.GetValue(_ratePatience),
                LayerDecay = parsed.GetValue(_layerDecay),
                AverageDecay = parsed.GetValue(_average),
                ClipNorm = parsed.GetValue(_clip),
                ClipValue = parsed.GetValue(_clipValue),
                Accumulation = parsed.GetValue(_accumulate),
            },
            Run = new RunRecipe
            {
                Epochs = parsed.GetValue(_epochs),
                Batch = parsed.GetValue(_batch),
                Seed = parsed.GetValue(_seed),
                Threads = parsed.GetValue(_threads),
                Memory = parsed.GetValue(_memory),
                Base = parsed.GetValue(_base),
                CacheFeatures = parsed.GetValue(_cacheFeatures),
                CacheFolder = parsed.GetValue(_cacheFolder),
                CachePrecision = parsed.GetValue(_cachePrecision),
                BestBy = parsed.GetValue(_bestBy),
                Keep = parsed.GetValue(_keep),
                Patience = parsed.GetValue(_patience),
            },
        };
    }
}
