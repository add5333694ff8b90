using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes.Sources;

/// <summary>Scenes behind a server on this machine.</summary>
public sealed class RemoteSceneTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-remote-").FullName;
    private readonly int _retries = RemoteAccess.Retries;

    public RemoteSceneTests() => RemoteAccess.Retries = 2;

    public void Dispose()
    {
        RemoteAccess.Retries = _retries;
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_signed_item_is_mapped_and_its_signature_is_nowhere_to_be_read()
    {
        using var server = Serve(_ => null);
        using var model = Model();
        using var scene = Scene.Open(model, new SceneRequest { Sources = [$"{server.Address}item.json?sig=secret"] });
        Assert.Equal(["B04", "B8A"], scene.Channels.Select(channel => channel.Band));
        var map = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene.Dataset, map, scene.Options with { Command = $"eoonnx infer {server.Address}item.json?sig=secret --out map.tif" }, cancellation: TestContext.Current.CancellationToken);
        Assert.All(TestScenes.Read<float>(map), value => Assert.Equal(Pixel * 0.0001f, value, 1e-6f));
        Assert.DoesNotContain("secret", report.ToJson() + string.Concat(RasterDataset.Open(map).Metadata.Values), StringComparison.Ordinal);
        Assert.Equal($"eoonnx infer {server.Address}item.json --out map.tif", report.Command);
        // GDAL counts for the whole process; what it asked this server for is among it, from opening the sources on.
        var asked = server.Requests.Count(request => request.Path.Contains(".tif", StringComparison.Ordinal) && request.Headers.ContainsKey("Range"));
        Assert.True(asked >= 2 && report.Io!.Requests >= asked, $"{report.Io!.Requests} requests are counted, the server saw {asked}");
        Assert.True(report.Io.DownloadedBytes >= 2 * 64, $"{report.Io.DownloadedBytes} bytes came");
        Assert.True(report.Seconds.Open > 0);
        Assert.Contains(server.Requests, request => request.Path.Contains("red.tif?sig=secret", StringComparison.Ordinal) && request.Headers.ContainsKey("Range"));
    }

    [Fact]
    public void A_server_that_fails_for_a_moment_is_asked_again()
    {
        var failures = 2; // as often as RemoteAccess.Retries of these tests
        using var server = Serve(request => request.Path.Contains("red.tif", StringComparison.Ordinal) && Interlocked.Decrement(ref failures) >= 0 ? new LoopbackAnswer("503 Busy", [], "Content-Length: 0") : null);
        using var raster = RasterDataset.Open($"{server.Address}red.tif");
        Assert.Equal(64, raster.Size.Width);
        Assert.True(failures < 0);
    }

    [Fact]
    public void A_server_that_keeps_failing_is_an_error_without_the_signature()
    {
        using var server = Serve(request => request.Path.Contains("red.tif", StringComparison.Ordinal) ? new LoopbackAnswer("500 Broken", [], "Content-Length: 0") : null);
        var message = Assert.Throws<RasterException>(() => RasterDataset.Open($"{server.Address}red.tif?sig=secret")).Message;
        Assert.Contains("red.tif", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slow_server_is_waited_for()
    {
        using var server = Serve(_ => null, rate: 20_000);
        using var raster = RasterDataset.Open($"{server.Address}red.tif");
        using var reader = raster.OpenReader();
        var pixels = new ushort[64 * 64];
        reader.Read<ushort>(new PixelWindow(0, 0, 64, 64), [1], pixels);
        Assert.All(pixels, pixel => Assert.Equal(Pixel, pixel));
    }

    [Theory]
    [InlineData("file:///etc/passwd"), InlineData("ftp://127.0.0.1/red.tif")]
    public void An_item_from_a_server_names_no_file_of_this_machine(string href)
    {
        using var server = new LoopbackServer(request => Range(request, System.Text.Encoding.UTF8.GetBytes(ProductSourceTests.ItemJson("1.0", "null", "05.09", _ => href)), null));
        using var model = Model();
        Assert.Contains("http, https", Assert.Throws<RasterException>(() => Scene.Open(model, new SceneRequest { Sources = [$"{server.Address}item.json"] })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Cannot open /vsicurl/https://host/a.tif?sv=1&sig=x: 403", "Cannot open /vsicurl/https://host/a.tif 403")]
    [InlineData("https://user:word@host/a.tif", "https://host/a.tif")]
    [InlineData("--queue postgres://user:word@host/maps?password=word", "--queue postgres://host/maps")]
    [InlineData("C:/data/a.tif", "C:/data/a.tif")]
    public void Texts_lose_signatures_and_passwords(string text, string expected) => Assert.Equal(expected, RemoteAccess.Redact(text));

    [Theory]
    [InlineData("https://h/a.tif", "/vsicurl/https://h/a.tif"), InlineData("s3://b/a.tif", "/vsis3/b/a.tif"), InlineData("gs://b/a.tif", "/vsigs/b/a.tif"), InlineData("az://c/a.tif", "/vsiaz/c/a.tif"), InlineData("a.tif", "a.tif")]
    public void Addresses_become_the_names_that_gdal_has_for_them(string address, string name)
    {
        Assert.Equal(name, RemoteAccess.ToGdal(address));
        Assert.Equal(address != name, RemoteAccess.IsRemote(address));
        Assert.Equal(address != name, RemoteAccess.IsRemote(name));
    }

    private const ushort Pixel = 4321;

    private LoopbackServer Serve(Func<LoopbackRequest, LoopbackAnswer?> otherwise, int? rate = null)
    {
        var path = Path.Combine(_folder, "image.tif");
        GeoTiffWriter.Write<ushort>(path, TestScenes.Profile(64, 64, 1, RasterType.UInt16), [.. Enumerable.Repeat(Pixel, 64 * 64)]);
        var (image, item) = (File.ReadAllBytes(path), System.Text.Encoding.UTF8.GetBytes(ProductSourceTests.ItemJson("1.1", "true", "05.09", key => $"{key}.tif?sig=secret")));
        return new LoopbackServer(request => otherwise(request) ?? (request.Path.Contains(".json", StringComparison.Ordinal) ? Range(request, item, rate)
            : request.Path.Contains(".tif", StringComparison.Ordinal) && !request.Path.Contains(".aux", StringComparison.Ordinal) && !request.Path.Contains(".msk", StringComparison.Ordinal) && !request.Path.Contains(".ovr", StringComparison.Ordinal)
                ? Range(request, image, rate) : new LoopbackAnswer("404 Not Found", [], "Content-Length: 0")));
    }

    private static LoopbackAnswer Range(LoopbackRequest request, byte[] file, int? rate)
    {
        if (!request.Headers.TryGetValue("Range", out var range))
        {
            return new LoopbackAnswer("200 OK", file, $"Content-Length: {file.Length}", "Accept-Ranges: bytes") { Rate = rate };
        }

        var bounds = range["bytes=".Length..].Split('-');
        var first = int.Parse(bounds[0], CultureInfo.InvariantCulture);
        var last = Math.Min(file.Length - 1, bounds[1].Length > 0 ? int.Parse(bounds[1], CultureInfo.InvariantCulture) : file.Length - 1);
        return first >= file.Length ? new LoopbackAnswer("416 Range Not Satisfiable", [], "Content-Length: 0")
            : new LoopbackAnswer("206 Partial Content", file[first..(last + 1)], $"Content-Length: {last + 1 - first}", $"Content-Range: bytes {first}-{last}/{file.Length}", "Accept-Ranges: bytes") { Rate = rate };
    }

    private EoModel Model() => EoModel.Load(TestModels.Save(_folder, "model", 2, 32, (op, x) => op.Slice(x, 1, 0, 1), TestModels.Manifest(ModelTask.Regression, 2, 32) with
    {
        Bands = [new ManifestBand("B04"), new ManifestBand("B8A")], ValueScale = 0.0001,
    }));
}
