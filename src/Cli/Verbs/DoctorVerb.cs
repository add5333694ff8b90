using System.CommandLine;
using EoOnnx.Cli.Diagnosis;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx doctor</c>: what is there, what is missing and the command that mends it.</summary>
internal static class DoctorVerb
{
    public static Command Create(Terminal terminal)
    {
        var verb = new Verb("doctor", "Show versions, native libraries, devices and threads; name what is missing and the command that mends it.")
        {
            Example = "eoonnx doctor",
        };
        verb.SetAction(async (parsed, cancellation) =>
        {
            var diagnosis = MachineDiagnosis.Run();
            var code = await terminal.RunAsync(parsed, (_, _) => Task.FromResult(diagnosis), Draw, cancellation);
            return code == ExitCode.Done && !diagnosis.IsReady ? ExitCode.Failed : code;
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
    }
}
