namespace EoOnnx.Raster.Tests;

public sealed class VirtualRasterGuardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-guard-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("<SourceFilename relativeToVRT=\"1\">../secret.tif</SourceFilename>")]
    [InlineData("<SourceFilename relativeToVRT=\"0\">/etc/passwd</SourceFilename>")]
    [InlineData("<SourceFilename>/vsicurl/http://127.0.0.1:9/x.tif</SourceFilename>")]
    [InlineData("<SourceFilename>MEM:::DATAPOINTER=4096,PIXELS=8,LINES=8</SourceFilename>")]
    [InlineData("<SourceFilename>&lt;GDAL_WMS&gt;&lt;/GDAL_WMS&gt;</SourceFilename>")]
    public void A_vrt_that_reads_outside_its_folder_is_refused_with_the_flag_that_allows_it(string source)
    {
        var message = Assert.Throws<RasterException>(() => RasterDataset.Open(Vrt("outer", source))).Message;
        Assert.Contains("--allow-external-vrt", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vrt_inside_a_vrt_is_checked_too()
    {
        Vrt("inner", "<SourceFilename relativeToVRT=\"1\">../secret.tif</SourceFilename>");
        Assert.Contains("secret.tif", Assert.Throws<RasterException>(() => RasterDataset.Open(Vrt("outer", "<SourceFilename relativeToVRT=\"1\">inner.vrt</SourceFilename>"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vrt_of_its_own_folder_opens_and_one_of_another_only_when_allowed()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "other"));
        Write("near.tif");
        Write("other/far.tif");
        using (var near = RasterDataset.Open(Vrt("near", "<SourceFilename relativeToVRT=\"1\">near.tif</SourceFilename>")))
        {
            Assert.Equal(8, near.Size.Width);
        }

        Directory.CreateDirectory(Path.Combine(_folder, "vrt"));
        var far = Vrt("vrt/far", "<SourceFilename relativeToVRT=\"1\">../other/far.tif</SourceFilename>");
        Assert.Throws<RasterException>(() => RasterDataset.Open(far));
        using var allowed = RasterDataset.Open(far, new RasterAccess { AllowExternalVrt = true });
        Assert.Equal(8, allowed.Size.Width);
    }

    [Fact]
    public void A_document_type_is_refused()
    {
        var path = Path.Combine(_folder, "entity.vrt");
        File.WriteAllText(path, "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><VRTDataset rasterXSize=\"8\" rasterYSize=\"8\">&e;</VRTDataset>");
        Assert.Contains("XML", Assert.Throws<RasterException>(() => RasterDataset.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MEM:::DATAPOINTER=4096,PIXELS=8,LINES=8")]
    [InlineData("<GDAL_WMS><Service name=\"TMS\"><ServerUrl>http://127.0.0.1:9/</ServerUrl></Service><DataWindow><SizeX>8</SizeX><SizeY>8</SizeY></DataWindow><BandsCount>1</BandsCount></GDAL_WMS>")]
    public void Drivers_that_read_memory_or_fetch_what_a_text_names_are_not_allowed(string name) =>
        Assert.Throws<RasterException>(() => RasterDataset.Open(name));

    private string Vrt(string name, string source)
    {
        var path = Path.Combine(_folder, name + ".vrt");
        File.WriteAllText(path, $"<VRTDataset rasterXSize=\"8\" rasterYSize=\"8\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>{source}<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>");
        return path;
    }

    private void Write(string name) =>
        GeoTiffWriter.Write<byte>(Path.Combine(_folder, name), new RasterProfile { Size = new PixelSize(8, 8), BandCount = 1, Type = RasterType.Byte }, new byte[64]);
}
