using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using EoOnnx.Cli.Verbs;

namespace EoOnnx.Cli;

internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        using var interruption = new Interruption();
        return await RunAsync(args, Terminal.OfProcess(), interruption.Token);
    }

    /// <summary>Parses and runs one command line.</summary>
    internal static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancellation)
    {
        var root = CreateRoot(terminal);
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        var asksForHelp = parsed.Action is ExampleHelp || parsed.GetResult("--version") is not null;
        if (!asksForHelp && UsageErrors.Find(parsed) is { } wrong)
        {
            return terminal.Fail(new Failure(ExitCode.Usage, wrong), args.Contains("--json"));
        }

        return await parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = terminal.Output }, cancellation);
    }

    /// <summary>The tree of all verbs.</summary>
    internal static RootCommand CreateRoot(Terminal terminal)
    {
        var root = new RootCommand("Earth-observation foundation models as ONNX files: export, train adapters, map whole scenes.")
        {
            DoctorVerb.Create(terminal),
            ExportVerb.Create(terminal),
            InspectVerb.Create(terminal),
            ModelsVerb.Create(terminal),
            DeepnessVerb.Create(terminal),
            StatsVerb.Create(terminal),
            SynthesizeVerb.Create(terminal),
            InferVerb.Create(terminal),
            EmbedVerb.Create(terminal),
            BatchVerb.Create(terminal),
            WorkerVerb.Create(terminal),
            BenchVerb.Create(terminal),
            TrainAdapterVerb.Create(terminal),
            EvaluateVerb.Create(terminal),
            RecipeVerb.Create(terminal),
            MergeVerb.Create(terminal),
            AdapterVerb.Create(terminal),
            DemoVerb.Create(terminal),
        };
        root.Options.Add(SharedOptions.Json);
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            help.Action = new ExampleHelp((SynchronousCommandLineAction)help.Action!);
        }

        return root;
    }
}
