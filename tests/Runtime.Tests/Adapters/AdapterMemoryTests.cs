using System.Runtime.InteropServices;
using EoOnnx.Formats;
using EoOnnx.Runtime.Tests.Scenes;

namespace EoOnnx.Runtime.Tests.Adapters;

/// <summary>Counts what the process holds of the C library's heap, so nothing else may run beside it.</summary>
[Collection(nameof(SceneMemoryTests))]
public sealed class AdapterMemoryTests : IDisposable
{
    private const int Width = 4, Rank = 2;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Ten_thousand_swaps_of_adapters_leave_nothing_on_the_native_heap()
    {
        const int leastRounds = 5, mostRounds = 60, steadyRounds = 3, swaps = 2_000, mostBytes = 64; // an adapter of this test alone holds more
        using var model = EoModel.Load(TestModels.Save(_folder, "lora", 1, Width, (op, x) =>
            op.MatMul(op.MatMul(x, op.Transpose(op.OverridableInput("a.lora_A.weight", Tensor([0, Width]), ["r", Width]), 1, 0)), op.Transpose(op.OverridableInput("a.lora_B.weight", Tensor([Width, 0]), [Width, "r"]), 1, 0)),
            TestModels.Manifest(ModelTask.Regression, 1, Width)));
        var file = Path.Combine(_folder, "adapter.safetensors");
        SafetensorsFile.Write(file, new Dictionary<string, TensorData> { ["a.lora_A.weight"] = Tensor([Rank, Width]), ["a.lora_B.weight"] = Tensor([Width, Rank]) }, new Dictionary<string, string> { [AdapterMetadata.LoraAlpha] = "2" });
        var image = new float[Width * Width];
        var (held, growth) = (HeapBytes(), new List<double>());
        // The compiler of .NET takes and gives back megabytes while it compiles what runs often, for seconds: that hides a leak as well as it looks like one.
        // Once it is done rounds hold the same to the byte, and what leaks still grows in every one of them.
        while (growth.Count < mostRounds && !(growth.Count >= leastRounds && growth.TakeLast(steadyRounds).All(bytes => Math.Abs(bytes) < mostBytes)))
        {
            for (var swap = 0; swap < swaps; swap++)
            {
                using var adapter = model.LoadAdapter(file);
                model.Run(image, [1, 1, Width, Width], ["logits"], adapter);
            }

            var before = held;
            held = HeapBytes();
            growth.Add((double)(held - before) / swaps);
        }

        var rounds = string.Join(", ", growth.Select(bytes => bytes.ToString("F1", System.Globalization.CultureInfo.InvariantCulture)));
        TestContext.Current.TestOutputHelper!.WriteLine($"{rounds} bytes a swap, round by round");
        Assert.True(growth.Count < mostRounds, $"the native heap does not stay the same; bytes a swap, round by round: {rounds}");
    }

    private static TensorData Tensor(long[] shape) => TensorData.FromValues<float>(shape, [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => 0.1f * i)]);

    // Allocated and not freed, of all arenas and of mapped blocks: not what the system happens to keep in memory.
    private static long HeapBytes()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        var state = MallInfo();
        return (long)state.Allocated + (long)state.Mapped;
    }

    [DllImport("libc.so.6", EntryPoint = "mallinfo2")]
    private static extern HeapState MallInfo();

    /// <summary>struct mallinfo2 of the GNU C library since 2.33.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct HeapState
    {
        private readonly nuint _arena, _ordinaryBlocks, _fastBlocks, _mappedBlocks;

        public readonly nuint Mapped;

        private readonly nuint _mostUsed, _fastFree;

        public readonly nuint Allocated;

        private readonly nuint _free, _keepCost;
    }
}
