using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Raster.Native;

namespace EoOnnx.Runtime;

/// <summary>A Sentinel-2 product: <c>*.SAFE</c>, <c>MTD_MSIL1C.xml</c>, <c>MTD_MSIL2A.xml</c> or its zip file, through GDAL's SENTINEL2 driver.</summary>
internal sealed class SentinelSource : ISourceKind
{
    private static readonly string[] Jpeg2000Drivers = ["JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "JPEG2000"];

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        if (Metadata(path) is not { } metadata)
        {
            return null;
        }

        if (!GdalLibrary.Drivers.Any(driver => Jpeg2000Drivers.Contains(driver)) || !GdalLibrary.Drivers.Contains("SENTINEL2"))
        {
            throw new RasterException($"{path} is a Sentinel-2 product; reading it needs GDAL's drivers SENTINEL2 and one for JPEG 2000 ({string.Join(", ", Jpeg2000Drivers)}), which this libgdal lacks. Convert its bands to GeoTIFF, or install a libgdal with OpenJPEG (eoonnx doctor).");
        }

        var product = SentinelProduct.Read(metadata);
        var level = metadata.EndsWith("MSIL1C.xml", StringComparison.OrdinalIgnoreCase) ? "L1C" : "L2A";
        var bands = new List<SourceBand>();
        foreach (var subdataset in Subdatasets(metadata, level, path))
        {
            using var raster = RasterDataset.Open(subdataset, context.Access with { DisplayName = path });
            // The sets come from fine to coarse: a band counts in its finest form.
            bands.AddRange(raster.Bands.Where(band => bands.TrueForAll(known => BandNames.Fold(known.Name) != BandNames.Fold(band.Name))).Select(band => Describe(band, subdataset, product, context.Offset)).ToList());
        }

        return new SceneSource(path, bands)
        {
            Date = product.Date,
            Notes = [product.Explain(context.Offset)],
            Warnings = product.IsDoubtful && context.Offset == SentinelOffset.Auto
                ? [string.Create(CultureInfo.InvariantCulture, $"{path} has the processing baseline {product.Baseline:00.00} and {(product.Offsets.Count > 0 ? "a" : "no")} list of offsets, which do not go together. Decide with --s2-offset yes or no.")]
                : [],
        };
    }

    public bool IsProduct(string folder) => Directory.EnumerateFiles(folder, "MTD_MSIL*.xml").Any(file => IsMetadata(Path.GetFileName(file)));

    private static SourceBand Describe(RasterBand band, string subdataset, SentinelProduct product, SentinelOffset choice)
    {
        var name = band.Name.Split(',')[0].Trim();
        var fold = BandNames.Fold(name);
        var optical = BandNames.IsOptical(name);
        return new SourceBand(optical && fold.Length == 2 ? $"B0{fold[1]}" : name, subdataset, band.Index)
        {
            OtherNames = band.OtherNames,
            IsCategorical = BandNames.IsCategorical(name) || band.CategoryNames.Count > 0,
            IsReflectance = optical,
            NoData = optical ? 0 : null,
            Scale = optical ? 1 / product.Divisor : null,
            Offset = optical ? product.OffsetOf(fold, choice) / product.Divisor : null,
        };
    }

    private static List<string> Subdatasets(string metadata, string level, string path)
    {
        var names = RasterDataset.SubdatasetsOf(metadata);
        var found = ((string[])["10m", "20m", "60m"]).SelectMany(resolution => names.Where(name => name.Contains($":{resolution}:", StringComparison.Ordinal))).ToList();
        var zones = found.Select(name => name[(name.LastIndexOf(':') + 1)..]).Distinct().ToList();
        return zones.Count switch
        {
            0 => throw new RasterException($"{path} is no {level} product that GDAL {GdalLibrary.Version} can read: it finds no image in {metadata}. Is the product complete?"),
            1 => found,
            _ => throw new RasterException($"{path} covers several zones ({string.Join(", ", zones)}). Name the files of one of them."),
        };
    }

    // The product's own metadata file, as GDAL names it.
    private static string? Metadata(string path)
    {
        var trimmed = path.TrimEnd('/');
        if (IsMetadata(Path.GetFileName(trimmed)))
        {
            return trimmed;
        }

        if (Directory.Exists(trimmed) || (trimmed.StartsWith("/vsizip/", StringComparison.Ordinal) && trimmed.EndsWith(".SAFE", StringComparison.OrdinalIgnoreCase)))
        {
            return VirtualFiles.List(trimmed).FirstOrDefault(IsMetadata) is { } file ? $"{trimmed}/{file}" : null;
        }

        if (!trimmed.EndsWith(".zip", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var archive = trimmed.StartsWith("/vsi", StringComparison.Ordinal) ? trimmed : "/vsizip/" + RemoteAccess.ToGdal(Path.IsPathRooted(trimmed) || RemoteAccess.IsRemote(trimmed) ? trimmed : Path.GetFullPath(trimmed));
        return VirtualFiles.List(archive).Where(name => name.EndsWith(".SAFE", StringComparison.OrdinalIgnoreCase)).Select(folder => $"{archive}/{folder}")
            .SelectMany(folder => VirtualFiles.List(folder).Where(IsMetadata).Select(file => $"{folder}/{file}")).FirstOrDefault();
    }

    private static bool IsMetadata(string name) => name is "MTD_MSIL2A.xml" or "MTD_MSIL1C.xml";
}
