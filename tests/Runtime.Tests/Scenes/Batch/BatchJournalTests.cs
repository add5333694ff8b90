using System.Text.Json;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

[Collection(OpenHandles.Name)]
public sealed class BatchJournalTests : IDisposable
{
    private const int Tile = 16, Width = 40, Height = 30;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-journal-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_scene_begins_and_ends_with_its_seconds_and_a_failure_with_its_reason()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile), new EoModelOptions());
        var scenes = Plan(3);
        foreach (var (scene, i) in scenes.Select((scene, i) => (scene, i)))
        {
            TestScenes.Write(_folder, Path.GetFileNameWithoutExtension(scene.Path), Width, Height, 1, TestScenes.Pixels(Width, Height, 1, i, 0.1));
        }

        File.WriteAllText(scenes[1].Path, "this is no raster");
        var journal = new BatchJournal(Maps);
        var report = await new SceneBatch(model).RunAsync(scenes, new BatchOptions { Journal = journal });
        Assert.Null(journal.Failure);
        Assert.Equal(["start s0.tif", "done s0.tif", "start s1.tif", "failed s1.tif", "start s2.tif", "done s2.tif"], Events());
        var failed = Lines().Single(line => line.GetProperty("event").GetString() == "failed");
        Assert.Equal(report.Scenes[1].Error, failed.GetProperty("error").GetString());
        Assert.EndsWith($":{Environment.ProcessId}", failed.GetProperty("process").GetString(), StringComparison.Ordinal);
        Assert.Equal(Math.Round(report.Scenes[0].Seconds, 3), Lines()[1].GetProperty("seconds").GetDouble());

        // What failed is what is tried again; when it is mended it is no longer.
        Assert.Equal([scenes[1]], journal.Failed(scenes));
        TestScenes.Write(_folder, "s1", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, 1, 0.1));
        await new SceneBatch(model).RunAsync(journal.Failed(scenes), new BatchOptions { Journal = journal });
        Assert.Empty(journal.Failed(scenes));
        Assert.Equal("done s1.tif", Events()[^1]);

        // The files are the truth: without the journal, or with one that says otherwise, a finished map is kept.
        File.Delete(Location);
        journal.End(SceneOutcome.Without(scenes[0], SceneStatus.Failed));
        var again = await new SceneBatch(model).RunAsync(scenes, new BatchOptions { Journal = journal });
        Assert.All(again.Scenes, scene => Assert.Equal(SceneStatus.Skipped, scene.Status));
        Assert.Empty(journal.Failed(scenes));
    }

    [Fact]
    public void A_scene_that_was_left_is_noted_as_cancelled_and_is_no_failure()
    {
        var scenes = Plan(1);
        var journal = new BatchJournal(Maps);
        journal.End(SceneOutcome.Without(scenes[0], SceneStatus.Failed, 1, "first"));
        journal.Start(scenes[0]);
        journal.End(SceneOutcome.Without(scenes[0], SceneStatus.Cancelled, 1));
        Assert.Empty(journal.Failed(scenes));
        Assert.Equal(["failed s0.tif", "start s0.tif", "cancelled s0.tif"], Events());
    }

    [Fact]
    public void A_line_cut_at_any_byte_is_passed_by_and_the_next_one_is_whole()
    {
        var scenes = Plan(2);
        new BatchJournal(Maps).End(SceneOutcome.Without(scenes[0], SceneStatus.Failed, 1, "äöü \"quoted\"\nand more"));
        var first = File.ReadAllBytes(Location);
        new BatchJournal(Maps).End(SceneOutcome.Without(scenes[0], SceneStatus.Done, 2));
        var both = File.ReadAllBytes(Location);
        for (var length = first.Length; length < both.Length - 1; length++)
        {
            File.WriteAllBytes(Location, both[..length]);
            Assert.Equal([scenes[0]], new BatchJournal(Maps).Failed(scenes).Take(1));
            new BatchJournal(Maps).End(SceneOutcome.Without(scenes[1], SceneStatus.Failed, 1, "second"));
            Assert.Equal(2, new BatchJournal(Maps).Failed(scenes).Count);
            Assert.Equal((byte)'\n', File.ReadAllBytes(Location)[^1]);
        }
    }

    [Fact]
    public async Task Lines_of_several_writers_at_a_time_are_all_there_and_whole()
    {
        const int writers = 4, each = 50;
        var scenes = Plan(writers);
        await Task.WhenAll(scenes.Select(scene => Task.Run(() =>
        {
            var journal = new BatchJournal(Maps); // one each, as processes have
            for (var i = 0; i < each; i++)
            {
                journal.End(SceneOutcome.Without(scene, SceneStatus.Failed, i, new string('x', 10 * i)));
            }

            Assert.Null(journal.Failure);
        })));
        Assert.All(Lines().GroupBy(line => line.GetProperty("scene").GetString()), group => Assert.Equal(Enumerable.Range(0, each).Select(i => (double)i), group.Select(line => line.GetProperty("seconds").GetDouble())));
        Assert.Equal(writers * each, Lines().Count);
    }

    [Fact]
    public void Without_a_journal_there_is_nothing_to_try_again_and_the_message_says_what_to_do()
    {
        var failure = Assert.Throws<BatchException>(() => new BatchJournal(Maps).Failed(Plan(1)));
        Assert.Contains("without --retry-failed", failure.Message, StringComparison.Ordinal);
        Assert.Contains(Location, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_journal_that_cannot_be_written_says_why_once_and_ends_nothing()
    {
        Directory.CreateDirectory(Maps);
        Directory.CreateDirectory(Location); // a folder in its place
        var journal = new BatchJournal(Maps);
        journal.Start(Plan(1)[0]);
        Assert.Contains(Location, journal.Failure, StringComparison.Ordinal);
        journal.End(SceneOutcome.Without(Plan(1)[0], SceneStatus.Done));
        Assert.Empty(Directory.GetFileSystemEntries(Location));
    }

    private string Maps => Path.Combine(_folder, "maps");

    private string Location => Path.Combine(Maps, BatchJournal.FileName);

    private List<JsonElement> Lines() => [.. File.ReadAllLines(Location).Select(line => JsonElement.Parse(line))];

    private List<string> Events() => [.. Lines().Select(line => $"{line.GetProperty("event").GetString()} {line.GetProperty("scene").GetString()}")];

    private IReadOnlyList<BatchScene> Plan(int count) => new MapNaming { Folder = Maps }.Apply([.. Enumerable.Range(0, count).Select(i => new SceneEntry($"s{i}.tif", Path.Combine(_folder, $"s{i}.tif")))]);
}
