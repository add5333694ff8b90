using System.CommandLine;
using System.Text.Json;

namespace EoOnnx.Cli;

public class ProgramTests
{
    public static TheoryData<string> VerbNames()
    {
        var names = new TheoryData<string>();
        foreach (var verb in Leaves(Program.CreateRoot(new Terminal(TextWriter.Null, TextWriter.Null, false))))
        {
            names.Add(verb);
        }

        return names;
    }

    [Theory, MemberData(nameof(VerbNames))]
    public async Task Every_verb_has_help_with_an_example_that_calls_it(string verb)
    {
        var run = await CommandLine.RunAsync([.. verb.Split(' '), "--help"]);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("Example:", run.Output, StringComparison.Ordinal);
        Assert.Contains($"eoonnx {verb}", run.Output.Split("Example:")[1], StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task Without_a_verb_the_help_lists_all_verbs()
    {
        var run = await CommandLine.RunAsync();
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("inspect <file>", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no verb 'inspct'. Did you mean 'inspect'?", "inspct")]
    [InlineData("there is no verb 'zzz'. See 'eoonnx --help'.", "zzz")]
    [InlineData("inspect has no option '--al'. Did you mean '--all'?", "inspect", "--al", "model.onnx")]
    [InlineData("inspect has no option '--jsn'. Did you mean '--json'?", "inspect", "model.onnx", "--jsn")]
    [InlineData("Required argument 'file' missing", "inspect")]
    [InlineData("File or directory does not exist: 'absent.onnx'", "inspect", "absent.onnx")]
    public async Task Wrong_usage_exits_2_with_one_line_on_standard_error(string expected, params string[] args)
    {
        var run = await CommandLine.RunAsync(args);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.StartsWith($"eoonnx: {expected}", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task With_json_an_error_is_one_event()
    {
        var run = await CommandLine.RunAsync("inspect", "absent.onnx", "--json");
        using var json = JsonDocument.Parse(run.Error);
        Assert.Equal("error", json.RootElement.GetProperty("event").GetString());
        Assert.Equal(2, json.RootElement.GetProperty("exitCode").GetInt32());
    }

    [Fact]
    public async Task A_cancelled_verb_exits_130()
    {
        var run = await CommandLine.RunAsync(new CancellationToken(canceled: true), "doctor");
        Assert.Equal(ExitCode.Cancelled, run.ExitCode);
    }

    private static IEnumerable<string> Leaves(Command command, string prefix = "") => command.Subcommands.SelectMany(verb =>
        Leaves(verb, $"{prefix}{verb.Name} ").Concat(verb is Verb ? [$"{prefix}{verb.Name}"] : []));
}
