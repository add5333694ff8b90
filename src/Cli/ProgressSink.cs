using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace EoOnnx.Cli;

/// <summary>How progress reaches standard error.</summary>
internal enum ProgressForm
{
    /// <summary>One line that is drawn over and over, for a person at a terminal.</summary>
    Live,

    /// <summary>A line when a stage starts, ends, and every few seconds between: for logs.</summary>
    Lines,

    /// <summary>One JSON object a line, for programs.</summary>
    Json,
}

/// <summary>Writes <see cref="Step"/>s to standard error, thinned so that reporting costs nothing. Safe to call from any thread.</summary>
internal sealed class ProgressSink(TextWriter error, ProgressForm form, int width = 100) : IProgress<Step>
{
    private static readonly Dictionary<ProgressForm, TimeSpan> Intervals = new()
    {
        [ProgressForm.Live] = TimeSpan.FromMilliseconds(100),
        [ProgressForm.Lines] = TimeSpan.FromSeconds(5),
        [ProgressForm.Json] = TimeSpan.FromMilliseconds(500),
    };

    private readonly Lock _gate = new();
    private Step? _last;
    private bool _lastIsShown = true;
    private long _shownAt;
    private bool _lineIsOpen;

    /// <inheritdoc/>
    public void Report(Step value)
    {
        lock (_gate)
        {
            var stageBegins = value.Stage != _last?.Stage;
            if (stageBegins)
            {
                CloseStage();
            }

            _last = value;
            _lastIsShown = stageBegins || Stopwatch.GetElapsedTime(_shownAt) >= Intervals[form];
            if (_lastIsShown)
            {
                Show(value);
            }
        }
    }

    /// <summary>The same sink for a library's own progress type.</summary>
    public IProgress<T> For<T>(Func<T, Step> describe) => new Adapter<T>(this, describe);

    /// <summary>Tells something once, before or between stages: a table for a person, a JSON event for programs.</summary>
    /// <param name="name">Name of the event.</param>
    /// <param name="value">What it holds.</param>
    /// <param name="draw">Shows it to a person.</param>
    public void Announce<T>(string name, T value, Action<IAnsiConsole, T> draw)
    {
        lock (_gate)
        {
            CloseStage();
            if (form == ProgressForm.Json)
            {
                error.WriteLine(JsonSerializer.Serialize(new { @event = name, value }, JsonOutput.Line));
            }
            else
            {
                var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(error) });
                console.Profile.Width = Math.Max(width, 100);
                draw(console, value);
            }

            error.Flush();
        }
    }

    /// <summary>Shows the last step of the last stage and leaves the cursor on a line of its own.</summary>
    public void Close()
    {
        lock (_gate)
        {
            CloseStage();
            _last = null;
        }
    }

    /// <summary>Shows a line of its own at once: for what happens rather than how far something is.</summary>
    public void Tell(Step step)
    {
        lock (_gate)
        {
            CloseStage();
            Show(step);
            (_last, _lastIsShown) = (null, true);
            CloseStage();
        }
    }

    private void CloseStage()
    {
        if (!_lastIsShown && _last is not null)
        {
            Show(_last);
            _lastIsShown = true;
        }

        if (_lineIsOpen)
        {
            error.WriteLine();
            _lineIsOpen = false;
        }
    }

    private void Show(Step step)
    {
        _shownAt = Stopwatch.GetTimestamp();
        switch (form)
        {
            case ProgressForm.Json:
                error.WriteLine(JsonSerializer.Serialize(new { @event = "progress", step.Stage, step.Fraction, step.Text, step.Waiting }, JsonOutput.Line));
                break;
            case ProgressForm.Lines:
                error.WriteLine($"{step.Stage}{Percent(step)}{(step.Text.Length > 0 ? $"  {step.Text}" : "")}");
                break;
            default:
                var line = $"{step.Stage,-12} {Bar(step.Fraction)}{Percent(step)}  {step.Text}";
                error.Write($"\r\u001b[2K{(line.Length < width ? line : line[..(width - 1)])}");
                _lineIsOpen = true;
                break;
        }

        error.Flush();
    }

    private static string Percent(Step step) => step.Fraction is { } fraction
        ? string.Create(CultureInfo.InvariantCulture, $" {Math.Clamp(fraction, 0, 1) * 100,3:F0} %")
        : "";

    private static string Bar(double? fraction)
    {
        const int cells = 20;
        var full = (int)Math.Round(cells * Math.Clamp(fraction ?? 0, 0, 1));
        return fraction is null ? "" : new string('━', full) + new string('╌', cells - full);
    }

    private sealed class Adapter<T>(ProgressSink sink, Func<T, Step> describe) : IProgress<T>
    {
        public void Report(T value) => sink.Report(describe(value));
    }
}
