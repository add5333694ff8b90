using System.CommandLine;
using EoOnnx.Queue;
using EoOnnx.Runtime;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx batch INPUTS</c>: many scenes through one model, as maps.</summary>
internal static class BatchVerb
{
    public static Command Create(Terminal terminal)
    {
        var jobs = SharedOptions.WithDefault("--jobs", 1, "Scenes at a time over one model; more than one pays for small scenes and remote files.", "n");
        var failFast = new Option<bool>("--fail-fast") { Description = "End at the first scene that fails. Default: go on, and exit with 1 at the end." };
        var verb = new Verb("batch", "Map many scenes: a folder, a list, a pattern or a STAC collection. Finished maps are kept, unfinished ones continued.")
        {
            Example = "eoonnx demo --out demo\neoonnx batch demo/evaluate/images --model demo/run/model.onnx --adapter demo/run/adapter.safetensors --out-dir maps",
        };
        verb.Add(BatchStatusVerb.Create(terminal));
        var scenes = new BatchVerbOptions(verb);
        verb.Add(jobs);
        verb.Add(failFast);
        var queue = new QueueVerbOptions(verb);
        var options = new SceneVerbOptions(verb);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync<object>(parsed, async (progress, token) =>
        {
            var batch = new BatchOptions { Jobs = parsed.GetValue(jobs), FailFast = parsed.GetValue(failFast) };
            var address = queue.Read(parsed, [.. ((Option[])[jobs, failFast]).Where(option => parsed.GetResult(option) is { Implicit: false }), .. options.GivenForLoading(parsed), .. scenes.GivenForReading(parsed)]);
            var planned = await scenes.ReadAsync(parsed, token);
            if (address is not null)
            {
                var (modelPath, adapterPath, how) = (options.ModelPath(parsed), options.AdapterPath(parsed), options.Read(parsed, adapter: null));
                return await queue.RunAsync(parsed, address, [.. planned.Select(scene => SceneTask.Of(scene, modelPath, adapterPath, how))], scenes.Folder(parsed), progress, token);
            }

            using var model = options.LoadModel(parsed, batch.Jobs);
            using var adapter = options.LoadAdapter(parsed, model);
            var journal = new BatchJournal(scenes.Folder(parsed));
            var report = await new SceneBatch(model).RunAsync(planned, batch with { Scene = options.Read(parsed, adapter), Journal = journal }, progress.For<BatchProgress>(BatchResult.Describe), token);
            return BatchResult.Save(report, scenes.Folder(parsed), token.IsCancellationRequested, journal.Failure);
        }, Draw, cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, object result)
    {
        if (result is EnqueuedResult enqueued)
        {
            EnqueuedResult.Draw(console, enqueued);
        }
        else
        {
            BatchResult.Draw(console, (BatchResult)result);
        }
    }
}
