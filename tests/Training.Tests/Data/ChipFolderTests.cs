using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public sealed class ChipFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-chips-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Images_and_labels_folders_pair_by_name()
    {
        Touch("images/b.tif", "images/a.tif", "labels/a.tif", "labels/b.tif", "images/a.tif.aux.xml");
        Assert.Equal([("a", "images/a.tif", "labels/a.tif"), ("b", "images/b.tif", "labels/b.tif")], Find(new() { Folder = _root }));
    }

    [Fact]
    public void The_burn_scar_layout_pairs_by_the_part_of_the_wildcard()
    {
        Touch("x.T10SDH.2020248.v1.4_merged.tif", "x.T10SDH.2020248.v1.4.mask.tif", "readme.txt");
        Assert.Equal([("x.T10SDH.2020248.v1.4", "x.T10SDH.2020248.v1.4_merged.tif", "x.T10SDH.2020248.v1.4.mask.tif")],
            Find(new() { Folder = _root, Images = "*_merged.tif", Labels = "*.mask.tif" }));
    }

    [Fact]
    public void A_pattern_may_name_a_folder()
    {
        Touch("S2L2A/a.tif", "LULC/a.tif", "DEM/a.tif");
        Assert.Equal([("a", "S2L2A/a.tif", "LULC/a.tif")], Find(new() { Folder = _root, Images = "S2L2A/*.tif", Labels = "LULC/*.tif" }));
    }

    [Theory]
    [InlineData("chip_1", "chip_1")]
    [InlineData("chip_1_img.tif\n\n", "chip_1")]
    [InlineData("chip_10_img", "chip_10")]
    [InlineData("hip_10", "chip_10")]
    public void A_split_file_line_means_the_exact_name_before_a_part_of_it(string lines, string kept)
    {
        Touch("chip_1_img.tif", "chip_10_img.tif", "chip_1_lab.tif", "chip_10_lab.tif");
        var split = Path.Combine(_root, "train.txt");
        File.WriteAllText(split, lines);
        Assert.Equal(kept, Assert.Single(ChipFolder.Find(new() { Folder = _root, Images = "*_img.tif", Labels = "*_lab.tif", SplitFile = split })).Name);
    }

    [Fact]
    public void A_split_line_without_a_chip_is_refused_by_name()
    {
        Touch("images/a.tif", "labels/a.tif");
        var split = Path.Combine(_root, "train.txt");
        File.WriteAllText(split, "zebra\n");
        AssertRefused(new() { Folder = _root, SplitFile = split }, "'zebra'");
    }

    [Fact]
    public void Files_without_a_partner_are_named()
    {
        Touch("images/a.tif", "images/lonely.tif", "labels/a.tif");
        AssertRefused(new() { Folder = _root }, "lonely.tif", "1 of 2");
        Touch("labels/lonely.tif", "labels/orphan.tif");
        AssertRefused(new() { Folder = _root }, "orphan.tif", "no image");
    }

    [Fact]
    public void An_absent_folder_an_absent_label_folder_and_an_empty_one_are_refused()
    {
        AssertRefused(new() { Folder = Path.Combine(_root, "none") }, "There is no folder");
        Touch("images/a.tif");
        AssertRefused(new() { Folder = _root }, "no folder 'labels'");
        Directory.CreateDirectory(Path.Combine(_root, "labels"));
        AssertRefused(new() { Folder = _root }, "No label in");
    }

    private static void AssertRefused(ChipFolderOptions options, params string[] words)
    {
        var message = Assert.Throws<TrainingDataException>(() => ChipFolder.Find(options)).Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    private IEnumerable<(string, string, string)> Find(ChipFolderOptions options) =>
        ChipFolder.Find(options).Select(chip => (chip.Name, Path.GetRelativePath(_root, chip.Image), Path.GetRelativePath(_root, chip.Label!)));

    private void Touch(params string[] files)
    {
        foreach (var file in files.Select(file => Path.Combine(_root, file)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, []);
        }
    }
}
