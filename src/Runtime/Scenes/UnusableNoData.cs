using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Finds nodata values that mark no pixel because the bands' types cannot hold them: files declare them, and GDAL then says that all is valid.</summary>
internal static class UnusableNoData
{
    /// <summary>What the user should know; null when all is well.</summary>
    /// <param name="bands">The bands that are used, as their files store them, with the raster's name.</param>
    /// <param name="validity">What the user says.</param>
    public static string? Explain(IReadOnlyList<(string Raster, RasterBand Band)> bands, ValidityOptions validity)
    {
        if (validity.Ignore)
        {
            return null;
        }

        if (validity.Override is { } stated)
        {
            return double.IsNaN(stated) || bands.Any(item => item.Band.Type.CanHold(stated)) ? null : string.Create(CultureInfo.InvariantCulture,
                $"--nodata {stated} cannot occur in {bands[0].Raster}, whose bands are {string.Join(", ", bands.Select(item => item.Band.Type).Distinct())}: every pixel counts as valid. State a value that they can hold.");
        }

        return bands.FirstOrDefault(item => item.Band.NoDataIsOutOfRange) is (var raster, { } band) ? string.Create(CultureInfo.InvariantCulture,
            $"Band {band.Index} of {raster} declares the nodata value {band.NoData}, which {band.Type} cannot hold: every pixel counts as valid. State the real one with --nodata V.") : null;
    }
}
