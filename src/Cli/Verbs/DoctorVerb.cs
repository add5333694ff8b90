using System.CommandLine;
using EoOnnx.Cli.Diagnosis;
using EoOnnx.Runtime;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx doctor</c>: what is there, what is missing and the command that mends it.</summary>
internal static class DoctorVerb
{
    public static Command Create(Terminal terminal)
    {
        var verb = new Verb("doctor", "Show versions, native libraries, devices and threads; name what is missing and the command that mends it.")
        {
            Example = "eoonnx doctor\neoonnx demo --out demo\neoonnx doctor --plan demo/evaluate/images/scene_b.tif --model demo/run/model.onnx",
        };
        var plan = SharedOptions.Optional<string>("--plan", "Show what mapping this scene would need, too: tiles, memory, disk. Needs --model; 'infer --dry-run' takes all options of a run.", "scene");
        var model = SharedOptions.OptionalFile("--model", "The model of --plan, an .onnx file.");
        var adapter = SharedOptions.Optional<string>("--adapter", "The adapter of --plan.", "file");
        var (batch, memory, loading) = (SceneVerbOptions.Batch(), SceneVerbOptions.Memory(), new LoadingOptions());
        foreach (var option in (Option[])[plan, model, adapter, batch, memory, .. loading.All])
        {
            verb.Add(option);
        }

        verb.Validators.Add(result =>
        {
            if (result.GetResult(plan) is null != result.GetResult(model) is null)
            {
                result.AddError("--plan SCENE and --model FILE belong together: a plan is that of a scene and a model.");
            }
        });
        verb.SetAction(async (parsed, cancellation) =>
        {
            var diagnosis = MachineDiagnosis.Run();
            var code = await terminal.RunAsync(parsed, (_, token) => Task.Run(() => parsed.GetValue(plan) is { } scene ? diagnosis with { Plan = Plan(scene, token) } : diagnosis, token), Draw, cancellation);
            return code == ExitCode.Done && !diagnosis.IsReady ? ExitCode.Failed : code;

            ScenePlan Plan(string scene, CancellationToken token)
            {
                using var loaded = EoModel.Load(parsed.GetRequiredValue(model)!.ToString(), loading.Read(parsed));
                using var adapted = parsed.GetValue(adapter) is { } file ? loaded.LoadAdapter(file) : null;
                var options = new SceneOptions { Adapter = adapted, Batch = parsed.GetValue(batch)?.Tiles, MeasureBatch = parsed.GetValue(batch) is { Tiles: null }, Memory = parsed.GetValue(memory), Overwrite = true };
                using var opened = Scene.Open(loaded, new SceneRequest { Sources = [scene] }, options);
                return new ScenePipeline(loaded).Plan(opened.Dataset, [new SceneOutput("map.tif", adapted)], opened.Options, token);
            }
        });
        return verb;
    }

    private static void Draw(IAnsiConsole console, MachineDiagnosis diagnosis)
    {
        var table = new Grid().AddColumns(3);
        foreach (var finding in diagnosis.Findings)
        {
            var mark = finding.IsPresent ? new Text("ok", new Style(Color.Green)) : finding.IsRequired ? new Text("MISSING", new Style(Color.Red)) : new Text("absent", new Style(Color.Yellow));
            table.AddRow(mark, new Text(finding.Name), new Text(finding.Found));
            if (finding.Remedy is not null)
            {
                table.AddRow(Text.Empty, Text.Empty, new Text($"mend it with: {finding.Remedy}"));
            }
        }

        console.Write(table);
        console.WriteLine(diagnosis.IsReady ? "Everything that the verbs need is there." : "Something is missing: see the lines above.");
        if (diagnosis.Plan is { } plan)
        {
            ScenePlanTable.Draw(console, plan);
        }
    }
}
