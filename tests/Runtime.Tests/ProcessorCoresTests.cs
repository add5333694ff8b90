namespace EoOnnx.Runtime.Tests;

public sealed class ProcessorCoresTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-cores-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(8, 2, "0-1", "0-1", "2-3", "2-3")] // two threads a core
    [InlineData(8, 4, "0", "1", "2", "3")]
    [InlineData(2, 2, "0", "1", "2", "3")] // a container that may use two of them
    [InlineData(1, 1, "0-1", "0-1", "2-3", "2-3")]
    public void Cores_are_counted_once_for_all_their_threads_and_never_more_than_the_process_may_use(int allowed, int expected, params string[] siblings)
    {
        foreach (var (processor, list) in siblings.Index())
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, $"cpu{processor}", "topology")).FullName, "thread_siblings_list"), list + "\n");
        }

        Directory.CreateDirectory(Path.Combine(_folder, "cpufreq")); // is no processor
        Assert.Equal(expected, ProcessorCores.Count(_folder, allowed));
    }

    [Fact]
    public void Without_an_answer_of_the_system_none_is_made_up()
    {
        Assert.Null(ProcessorCores.Count(_folder, 4));
        Assert.Null(ProcessorCores.Count(Path.Combine(_folder, "absent"), 4));
    }

    [Fact]
    public void A_model_says_how_many_threads_it_has()
    {
        var path = TestModels.Save(_folder, "identity", 1, 8, (op, x) => op.Identity(x));
        using var chosen = EoModel.Load(path, new EoModelOptions { Threads = 3 });
        using var usual = EoModel.Load(path);
        Assert.Equal((3, ProcessorCores.Physical ?? 0), (chosen.Threads, usual.Threads));
    }
}
