using PuppeteerSharp;

namespace EoOnnx.Tests;

/// <summary>What a real browser made of a page.</summary>
/// <param name="Text">What a person reads.</param>
/// <param name="Errors">Errors of the console, of scripts and of requests, and dialogs that the page opened.</param>
/// <param name="Requests">Everything the page loaded, itself included.</param>
/// <param name="Screenshot">The whole page as PNG.</param>
/// <param name="ColorCount">Different colours in it; 1 when it is blank.</param>
/// <param name="Answer">What the question of the caller gave, as JSON text.</param>
internal sealed record BrowserView(string Text, IReadOnlyList<string> Errors, IReadOnlyList<string> Requests, byte[] Screenshot, int ColorCount, string Answer);

/// <summary>Opens pages in the Chromium of this machine, without a window.</summary>
internal static class Chromium
{
    private const string CountColors =
        """
        async data => {
            const picture = new Image();
            await new Promise((done, fail) => { picture.onload = done; picture.onerror = fail; picture.src = 'data:image/png;base64,' + data; });
            const canvas = new OffscreenCanvas(picture.width, picture.height), brush = canvas.getContext('2d');
            brush.drawImage(picture, 0, 0);
            return new Set(new Uint32Array(brush.getImageData(0, 0, picture.width, picture.height).data.buffer)).size;
        }
        """;

    /// <summary>Opens a file as a person would.</summary>
    /// <param name="path">The page.</param>
    /// <param name="question">A function in JavaScript, asked on the loaded page; its answer comes back as JSON.</param>
    public static async Task<BrowserView> OpenAsync(string path, string question = "() => document.title")
    {
        await using var browser = await Puppeteer.LaunchAsync(new LaunchOptions
        {
            Headless = true, ExecutablePath = Find(), Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
        });
        await using var page = await browser.NewPageAsync();
        var (errors, requests) = (new List<string>(), new List<string>());
        page.Console += (_, message) => Note(errors, message.Message.Type is ConsoleType.Error or ConsoleType.Warning or ConsoleType.Assert, message.Message.Text);
        page.PageError += (_, failure) => Note(errors, true, failure.Message);
        page.RequestFailed += (_, request) => Note(errors, true, $"{request.Request.Url}: {request.Request.FailureText}");
        page.Request += (_, request) => Note(requests, true, request.Request.Url);
        page.Dialog += async (_, dialog) =>
        {
            Note(errors, true, $"dialog: {dialog.Dialog.Message}");
            await dialog.Dialog.Dismiss();
        };
        await page.SetViewportAsync(new ViewPortOptions { Width = 1000, Height = 800 });
        await page.GoToAsync(new Uri(Path.GetFullPath(path)).AbsoluteUri, WaitUntilNavigation.Networkidle0);
        var text = await page.EvaluateFunctionAsync<string>("() => document.body.innerText");
        var answer = await page.EvaluateFunctionAsync<string>($"() => JSON.stringify(({question})())");
        var screenshot = await page.ScreenshotDataAsync(new ScreenshotOptions { FullPage = true });
        await using var reader = await browser.NewPageAsync();
        var colors = await reader.EvaluateFunctionAsync<int>(CountColors, Convert.ToBase64String(screenshot));
        lock (errors)
        {
            return new BrowserView(text, [.. errors], [.. requests], screenshot, colors, answer);
        }

        void Note(List<string> list, bool noteworthy, string line)
        {
            if (noteworthy)
            {
                lock (errors)
                {
                    list.Add(line);
                }
            }
        }
    }

    // Skips the test, loudly, when there is no browser.
    private static string Find()
    {
        var named = Environment.GetEnvironmentVariable("EOONNX_CHROMIUM");
        var found = named is { Length: > 0 } ? File.Exists(named) ? named : null
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (found is null)
        {
            const string message = "SKIPPED: no Chromium was found; that reports open in a browser is NOT proven in this run. Install it (apt-get install chromium), or name it with EOONNX_CHROMIUM.";
            Console.Error.WriteLine(message);
            Assert.Skip(message);
        }

        return found;
    }
}
