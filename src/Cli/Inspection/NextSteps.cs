using EoOnnx.Formats;

namespace EoOnnx.Cli.Inspection;

/// <summary>The command lines that take a file further; words in capitals stand for what the user has.</summary>
internal static class NextSteps
{
    /// <summary>What can be done with a model.</summary>
    public static IReadOnlyList<string> OfModel(string path, ModelManifest? manifest, bool isForDeepness, bool hasSlots, bool takesImages)
    {
        path = Quoted(path);
        var adapter = hasSlots ? " --adapter ADAPTER.safetensors" : "";
        switch (manifest?.Task)
        {
            case ModelTask.Features when !takesImages:
                return [$"eoonnx train-adapter --model {path} --data SERIES --out run"];
            case ModelTask.Features:
                return [$"eoonnx embed {Scene(manifest)} --model {path} --out embedding.tif", $"eoonnx train-adapter --model {path} --data CHIPS --classes NAMES --out run"];
            case ModelTask.Classification or ModelTask.Multilabel or ModelTask.ScalarRegression:
                return [$"eoonnx evaluate {path}{adapter} --data TEST-CHIPS"];
            case null when !takesImages:
                return [];
            case null when !isForDeepness:
                return [$"eoonnx infer SCENE.tif --model {path}{adapter} --out map.tif", $"eoonnx infer SCENE.tif --model {path} --deepness --out map.tif"];
            default:
                List<string> steps = [$"eoonnx infer {Scene(manifest)} --model {path}{adapter} --out map.tif"];
                if (hasSlots)
                {
                    steps.Add($"eoonnx merge {path} --adapter ADAPTER.safetensors --out merged.onnx");
                }
                else if (manifest is { Modalities.Count: < 2, Frames: 1 })
                {
                    steps.Add($"eoonnx deepness {path} --out for-qgis.onnx");
                }

                return steps;
        }
    }

    /// <summary>What can be done with a checkpoint.</summary>
    public static IReadOnlyList<string> OfCheckpoint(string path, CheckpointInspection inspection) => (inspection.Task, inspection.Model) switch
    {
        ({ } task, { Family: not "adapter" }) => [$"eoonnx export terratorch {Quoted(path)} --means NUMBERS --deviations NUMBERS{(task is { Classes: not null, ClassNames.Count: 0 } ? " --classes NAMES" : "")} --out model.onnx"],
        (_, { Family: "adapter" }) => OfAdapter(path),
        (_, { Family: "presto" or "prithvi" or "terramind" } model) => [$"eoonnx export {model.Family} --weights {Quoted(path)} --out encoder.onnx"],
        (_, { } model) => [$"eoonnx export {model.Family} --weights {Quoted(path)} --bands NAMES --out encoder.onnx"],
        _ => [],
    };

    /// <summary>What can be done with an adapter.</summary>
    public static IReadOnlyList<string> OfAdapter(string path) => [$"eoonnx infer SCENE.tif --model BASE.onnx --adapter {Quoted(path)} --out map.tif", $"eoonnx merge BASE.onnx --adapter {Quoted(path)} --out merged.onnx"];

    // As a shell takes it.
    private static string Quoted(string path) => path.All(character => char.IsLetterOrDigit(character) || character is '/' or '.' or '_' or '-' or ':' or '\\') ? path
        : $"'{path.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static string Scene(ModelManifest? manifest) => manifest is { Modalities.Count: > 1 }
        ? string.Join(' ', manifest.Modalities.Where(modality => modality.Input is not null).Select(modality => $"--modality {modality.Name}=SOURCE"))
        : string.Join(' ', Enumerable.Range(1, manifest?.Frames ?? 1).Select(date => manifest is null or { Frames: 1 } ? "SCENE.tif" : $"DATE{date}.tif"));
}
