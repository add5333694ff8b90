using System.Security.Cryptography;
using System.Text.Json;

namespace EoOnnx.Raster.Tests.Output;

public sealed class CogSinkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-cog-").FullName;
    private readonly RasterProfile _profile = new()
    {
        Size = new PixelSize(700, 600), Type = RasterType.Byte, NoData = 255, Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), Projection = "EPSG:32633",
        CategoryNames = ["background", "burned"], Colors = [(0, 0, 0), (255, 80, 0)], BandNames = ["class"],
        Metadata = new Dictionary<string, string> { ["EOONNX_VERSION"] = "0.1.0", ["EOONNX_CLASSES"] = "[\"background\",\"burned\"]" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_finished_map_is_a_cloud_optimised_GeoTIFF_with_classes_colours_and_tags()
    {
        var path = Path.Combine(_folder, "map.tif");
        WriteRows(path, 0, 600);
        using var info = JsonDocument.Parse(GeoTiffWriterTests.GdalInfo(path));
        var root = info.RootElement;
        Assert.Equal("COG", root.GetProperty("metadata").GetProperty("IMAGE_STRUCTURE").GetProperty("LAYOUT").GetString());
        Assert.Equal("0.1.0", root.GetProperty("metadata").GetProperty("").GetProperty("EOONNX_VERSION").GetString());
        Assert.Equal([300_000, 10, 0, 5_000_000, 0, -10], root.GetProperty("geoTransform").EnumerateArray().Select(n => n.GetDouble()));
        using var map = RasterDataset.Open(path);
        Assert.Equal(["background", "burned"], map.Bands[0].CategoryNames);
        Assert.Equal((byte)80, map.Bands[0].Colors[1].Green);
        Assert.Equal(255, map.Bands[0].NoData);
        Assert.Equal(["map.tif", "map.tif.aux.xml"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_interrupted_run_continues_at_the_first_missing_row_and_gives_the_same_bytes()
    {
        var (whole, resumed) = (Path.Combine(_folder, "whole.tif"), Path.Combine(_folder, "resumed.tif"));
        WriteRows(whole, 0, 600);
        using (var sink = CogSink.Open(resumed, _profile, Job))
        {
            sink.Write(0, Rows(0, 100));
            sink.Write(100, Rows(100, 50));
        }

        Assert.False(File.Exists(resumed));
        File.AppendAllText(Path.Combine(resumed + ".eoonnx", "journal.jsonl"), "{\"first\":150,\"ro"); // torn by a kill
        using (var sink = CogSink.Open(resumed, _profile, Job))
        {
            Assert.Equal(150, sink.FirstMissingRow);
            sink.Write(150, Rows(150, 450));
            sink.Complete();
        }

        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(resumed));
    }

    [Fact]
    public void Rows_that_were_damaged_on_disk_are_made_again()
    {
        var path = Path.Combine(_folder, "damaged.tif");
        using (var sink = CogSink.Open(path, _profile, Job))
        {
            sink.Write(0, Rows(0, 100));
            sink.Write(100, Rows(100, 100));
        }

        using (var rows = File.OpenWrite(Path.Combine(path + ".eoonnx", "rows.bil")))
        {
            rows.Position = 150 * 700;
            rows.WriteByte(77);
        }

        using var again = CogSink.Open(path, _profile, Job);
        Assert.Equal(100, again.FirstMissingRow);
    }

    [Fact]
    public void Another_job_in_the_same_work_area_is_refused_by_the_differing_field_unless_restarted()
    {
        var path = Path.Combine(_folder, "map.tif");
        using (var sink = CogSink.Open(path, _profile, Job))
        {
            sink.Write(0, Rows(0, 10));
        }

        var other = new Dictionary<string, string>(Job) { ["overlap"] = "64" };
        var message = Assert.Throws<RasterException>(() => CogSink.Open(path, _profile, other)).Message;
        Assert.Contains("overlap: 32 there, 64 now", message, StringComparison.Ordinal);
        using var restarted = CogSink.Open(path, _profile, other, restart: true);
        Assert.Equal(0, restarted.FirstMissingRow);
    }

    [Fact]
    public async Task A_run_that_waits_for_the_lock_finds_the_map_and_leaves_nothing_behind()
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var path = Path.Combine(_folder, $"map{attempt}.tif");
            using var sink = CogSink.Open(path, _profile, Job);
            sink.Write(0, Rows(0, 600));
            var waiting = Task.Run(() =>
            {
                while (true)
                {
                    var refusal = Assert.Throws<MapInUseException>(() => CogSink.Open(path, _profile, Job, overwrite: false).Dispose());
                    if (refusal.Message.Contains("has just been made", StringComparison.Ordinal))
                    {
                        return File.Exists(path);
                    }
                }
            });
            sink.Complete();
            Assert.True(await waiting);
            Assert.Equal([path, path + ".aux.xml"], Directory.GetFileSystemEntries(_folder, $"map{attempt}.*").Order(StringComparer.Ordinal));
        }
    }

    /// <summary>
    /// The bytes of a map follow from its rows and its profile alone. Blocks of a map without overviews are compressed by several threads and stored in
    /// the order in which they were handed out (GDAL's GTiffDataset keeps its jobs in a queue); tags are set in the order of their names.
    /// </summary>
    [Fact]
    public void The_same_rows_give_the_same_bytes_however_many_maps_are_made_at_once_wherever_and_in_whatever_pieces()
    {
        var expected = Bytes("alone", [600]);
        var wholes = new byte[24][];
        Parallel.For(0, wholes.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var random = new Random(i);
            var pieces = new List<int>();
            for (var left = 600; left > 0; left -= pieces[^1])
            {
                pieces.Add(Math.Min(left, random.Next(1, 400)));
            }

            wholes[i] = Bytes(new string('x', 1 + i), pieces, interrupted: i % 2 == 1);
        });
        Assert.All(wholes, bytes => Assert.Equal(expected, bytes));

        byte[] Bytes(string folder, List<int> pieces, bool interrupted = false)
        {
            var path = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName, "map.tif");
            // The order in which tags were given does not matter.
            var profile = _profile with { Metadata = new Dictionary<string, string>(interrupted ? _profile.Metadata.Reverse() : _profile.Metadata) };
            var sink = CogSink.Open(path, profile, Job);
            var row = 0;
            foreach (var piece in pieces)
            {
                if (interrupted)
                {
                    sink.Dispose();
                    sink = CogSink.Open(path, profile, Job);
                }

                sink.Write(row, Noise.AsSpan(row * 700, piece * 700));
                row += piece;
            }

            sink.ClassPixels = [1, 2];
            sink.Complete();
            sink.Dispose();
            return [.. File.ReadAllBytes(path), .. File.ReadAllBytes(path + ".aux.xml")];
        }
    }

    /// <summary>
    /// Every overview but the first is computed from the one before, right after that was written. Threads that compress its blocks may still be at it
    /// (GDAL before 3.8 may then read blocks that are not there yet): maps with overviews are written by one.
    /// </summary>
    [Theory, InlineData(true), InlineData(false)]
    public void Overviews_of_overviews_are_the_same_however_many_maps_are_made_at_once(bool hasOverviews)
    {
        const int height = 4000, maps = 10;
        var rows = new byte[height * 700];
        new Random(2).NextBytes(rows);
        var profile = _profile with { Size = new PixelSize(700, height) };
        var made = new string[maps];
        Parallel.For(0, maps, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var path = Path.Combine(_folder, $"{i}.tif");
            using var sink = CogSink.Open(path, profile, Job);
            sink.Write(0, rows);
            sink.HasOverviews = hasOverviews;
            sink.Complete();
            made[i] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
        });
        Assert.Single(made.Distinct());
    }

    private static readonly byte[] Noise = RandomBytes();

    private static byte[] RandomBytes()
    {
        var (random, bytes) = (new Random(1), new byte[600 * 700]);
        random.NextBytes(bytes);
        return bytes;
    }

    [Fact]
    public void A_work_area_in_use_is_refused()
    {
        var path = Path.Combine(_folder, "map.tif");
        using var first = CogSink.Open(path, _profile, Job);
        Assert.Contains("in use", Assert.Throws<MapInUseException>(() => CogSink.Open(path, _profile, Job)).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Job => new() { ["model"] = "abc", ["overlap"] = "32" };

    private static byte[] Rows(int first, int count) => [.. Enumerable.Range(first * 700, count * 700).Select(i => (byte)(i / 350 % 2))];

    private void WriteRows(string path, int first, int count)
    {
        using var sink = CogSink.Open(path, _profile, Job);
        sink.Write(first, Rows(first, count));
        sink.Complete();
    }
}
