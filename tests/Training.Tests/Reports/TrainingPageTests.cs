using EoOnnx.Tests;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;
using EoOnnx.Decoders;
using EoOnnx.Formats;

namespace EoOnnx.Training.Tests.Reports;

/// <summary>The page of a real run, in a real browser.</summary>
public sealed class TrainingPageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-page-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_page_of_a_run_shows_curves_classes_samples_and_calibration_and_loads_nothing()
    {
        var task = TaskModel.Compose(TestEncoder.Build(), null, new LinearDecoder { Upsampling = 1, Classes = 2 }, new TaskDescription { Classes = [new ManifestClass(0, "dark <b>"), new ManifestClass(1, "bright", "#e63c1e")] });
        var result = await Runs.Trainer(task).FitAsync(Runs.Data(), new FitOptions { Epochs = 4, Folder = _folder });
        var view = await Chromium.OpenAsync(Path.Combine(_folder, "report.html"), "() => [document.querySelectorAll('svg').length, document.querySelectorAll('img').length, [...document.images].every(i => i.naturalWidth > 50)]");
        Assert.Empty(view.Errors);
        Assert.DoesNotContain(view.Requests, request => request.StartsWith("http", StringComparison.Ordinal));
        Assert.Equal("[4,4,true]", view.Answer);   // two samples held out, each among the best and the worst
        Assert.True(view.ColorCount > 20, $"{view.ColorCount} colours");
        Assert.All(["dark <b>", "bright", "Confusion", "Calibration", "Temperature", "chip-0", "MiB", "Wh", "Worst samples", "Learning rate"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal(result.Report.Calibration!.Temperature, result.Adapter.Manifest!.Temperature);
        if (Environment.GetEnvironmentVariable("EOONNX_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "training-report.png"), view.Screenshot);
        }
    }
}
