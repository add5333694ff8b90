using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>A chip's file that GDAL reads.</summary>
internal sealed class ChipDataset(string path) : ChipRaster
{
    private readonly RasterDataset _dataset = RasterDataset.Open(path);

    public override string Path => path;

    public override PixelSize Size => _dataset.Size;

    public override int Bands => _dataset.Bands.Count;

    public override IReadOnlyList<string> BandNames => [.. _dataset.Bands.Select(band => band.Name)];

    public override string Type => _dataset.Bands[0].Type.ToString();

    public override double? NoData => _dataset.Bands[0].NoData;

    public override IReadOnlyList<string> CategoryNames => _dataset.Bands[0].CategoryNames;

    public override (GeoTransform Transform, string Projection)? Grid => _dataset is { Transform: { } transform, Projection.Length: > 0 } ? (transform, _dataset.Projection) : null;

    public override void Read(PixelWindow window, ReadOnlySpan<int> bands, ValidityOptions validity, float replacement, Span<float> destination)
    {
        using var reader = _dataset.OpenReader();
        reader.Read(window, bands, destination);
        var area = (int)window.Area;
        var valid = new byte[area];
        for (var band = 0; band < bands.Length; band++)
        {
            var values = destination.Slice(band * area, area);
            reader.ReadValidity(window, bands.Slice(band, 1), values, validity, valid);
            for (var i = MemoryExtensions.IndexOf(valid, (byte)0); i >= 0 && i < area; i++)
            {
                values[i] = valid[i] == 0 ? replacement : values[i];
            }
        }
    }

    public override void Dispose() => _dataset.Dispose();
}
