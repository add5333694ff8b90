using System.CommandLine;
using System.Text.Json;
using EoOnnx.Formats;
using Spectre.Console;

namespace EoOnnx.Cli;

public class TerminalTests
{
    [Fact]
    public async Task A_failure_that_the_library_explains_exits_1_and_is_told_in_its_own_words()
    {
        var (code, output, error) = await RunAsync(_ => throw new EoOnnxException("scene.tif has 4 bands; dofa-base expects 9."));
        Assert.Equal((ExitCode.Failed, "", "eoonnx: scene.tif has 4 bands; dofa-base expects 9.\n"), (code, output, error));
    }

    [Fact]
    public async Task A_value_that_an_option_refuses_is_wrong_usage()
    {
        var (code, _, error) = await RunAsync(_ => throw new ArgumentOutOfRangeException("Rank", 0, "LoRA rank must be at least 1; 4 to 16 is usual."));
        Assert.Equal((ExitCode.Usage, "eoonnx: LoRA rank must be at least 1; 4 to 16 is usual.\n"), (code, error));
    }

    [Fact]
    public async Task A_defect_names_its_type_and_asks_for_a_trace()
    {
        var (code, _, error) = await RunAsync(_ => throw new InvalidOperationException("queue empty."));
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("InvalidOperationException: queue empty.", error, StringComparison.Ordinal);
        Assert.Contains("EOONNX_TRACE=1", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_puts_one_document_on_standard_output_and_events_on_standard_error()
    {
        var (code, output, error) = await RunAsync(
            progress =>
            {
                progress.Report(new Step("train", 0.5, "loss 0.31"));
                return 7;
            },
            "--json");
        Assert.Equal(ExitCode.Done, code);
        using var result = JsonDocument.Parse(output);
        using var step = JsonDocument.Parse(error);
        Assert.Equal(7, result.RootElement.GetInt32());
        Assert.Equal(("progress", "train", 0.5), (
            step.RootElement.GetProperty("event").GetString(), step.RootElement.GetProperty("stage").GetString(), step.RootElement.GetProperty("fraction").GetDouble()));
    }

    [Fact]
    public async Task In_a_log_a_stage_is_its_first_and_its_last_step()
    {
        var (_, output, error) = await RunAsync(progress =>
        {
            for (var i = 0; i <= 1000; i++)
            {
                progress.Report(new Step("tiles", i / 1000.0, $"{i} done"));
            }

            return 1;
        });
        Assert.Equal("result 1\n", output);
        Assert.Equal("tiles   0 %  0 done\ntiles 100 %  1000 done\n", error);
    }

    [Fact]
    public void A_live_line_is_cut_to_the_width_of_the_terminal()
    {
        using var error = new StringWriter();
        var sink = new ProgressSink(error, ProgressForm.Live, width: 60);
        sink.Report(new Step("tiles", 0.25, new string('x', 200)));
        sink.Close();
        Assert.Equal("\r\u001b[2K".Length + 59 + Environment.NewLine.Length, error.ToString().Length);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(Func<ProgressSink, int> work, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var root = new RootCommand { SharedOptions.Json };
        var code = await new Terminal(output, error, isInteractive: false).RunAsync(
            root.Parse(args), (progress, _) => Task.FromResult(work(progress)), (console, result) => console.WriteLine($"result {result}"), CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }
}
