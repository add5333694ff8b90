using System.Globalization;
using System.Text.Json;
using EoOnnx.Bench;
using EoOnnx.Bench.Encoder;
using EoOnnx.Bench.Scene;
using EoOnnx.Bench.Training;

// dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- encoder [threads] [repetitions]
// dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- training [threads] [repetitions] [all|steps|plans|growth|runs|epochs|waiting]
// dotnet run -c Release --project bench -- base [threads] [repetitions]
// dotnet run -c Release --project bench -- base-step [threads] [repetitions]
// dotnet run -c Release --project bench -- scene identity|tiny|vit-b|vit-b-adapters [width] [height] [batch] [turns] [folder] [threads]
if (args is ["encoder" or "training" or "base" or "base-step" or "scene", ..])
{
    Console.Out.WriteLine(Machine.Describe());
}

switch (args)
{
    case ["encoder", ..]:
        EncoderComparison.Run(Number(1, 2), Number(2, 5), Console.Out);
        return 0;
    case ["training", ..]:
        TrainingComparison.Run(Number(1, 2), Number(2, 5), args.ElementAtOrDefault(3) ?? "all", Console.Out);
        return 0;
    case ["probe", var settings]:
        Console.Out.WriteLine(JsonSerializer.Serialize(StepProbe.Measure(StepSettings.Parse(settings))));
        return 0;
    case ["base", ..]:
        BaseComparison.Run(Number(1, 2), Number(2, 5), Console.Out);
        return 0;
    case ["base-step", ..]:
        StepProbe.NarrowStep(new StepSettings { Threads = Number(1, 2), Repetitions = Number(2, 5) }, Console.Out);
        return 0;
    case ["base-probe", var form, ..]:
        Console.Out.WriteLine(JsonSerializer.Serialize(BaseComparison.Probe(form, Number(2, 2), Number(3, 5))));
        return 0;
    case ["plans", var settings]:
        Console.Out.WriteLine(JsonSerializer.Serialize(StepProbe.Plans(StepSettings.Parse(settings))));
        return 0;
    case ["epochs", var settings]:
        Console.Out.WriteLine(JsonSerializer.Serialize(StepProbe.Epochs(StepSettings.Parse(settings))));
        return 0;
    case ["scene", var model, ..]:
        SceneComparison.Run(model, Number(2, 10_980), Number(3, 10_980), Number(4, 4), Number(5, 3), args.ElementAtOrDefault(6) ?? Path.Combine(Path.GetTempPath(), "eoonnx-bench"), Number(7, 0), Console.Out);
        return 0;
    case ["scene-turn", var contestant, var model, var scene, var batch, var folder, var threads]:
        await SceneTurn.RunAsync(contestant, model, scene, int.Parse(batch, CultureInfo.InvariantCulture), folder, int.Parse(threads, CultureInfo.InvariantCulture), Console.Out);
        return 0;
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- encoder [threads] [repetitions]");
        Console.Error.WriteLine("       dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- training [threads] [repetitions] [all|steps|plans|growth|runs|epochs|waiting]");
        Console.Error.WriteLine("       dotnet run -c Release --project bench -- base [threads] [repetitions]");
        Console.Error.WriteLine("       dotnet run -c Release --project bench -- base-step [threads] [repetitions]");
        Console.Error.WriteLine("       dotnet run -c Release --project bench -- scene identity|tiny|vit-b|vit-b-adapters [width] [height] [batch] [turns] [folder] [threads]");
        return 2;
}

int Number(int position, int otherwise) => args.Length > position ? int.Parse(args[position], CultureInfo.InvariantCulture) : otherwise;
