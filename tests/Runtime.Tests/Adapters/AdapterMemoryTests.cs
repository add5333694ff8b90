using System.Runtime.InteropServices;
using EoOnnx.Formats;
using EoOnnx.Runtime.Tests.Scenes;

namespace EoOnnx.Runtime.Tests.Adapters;

/// <summary>Counts what the process holds of the C library's heap, so nothing else may run beside it.</summary>
[Collection(nameof(SceneMemoryTests))]
public sealed class AdapterMemoryTests : IDisposable
{
    private const int Width = 4, Rank = 2, Kilobyte = 1024;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Ten_thousand_swaps_of_adapters_leave_nothing_on_the_native_heap()
    {
        const int rounds = 5, swaps = 2_000;
        using var model = EoModel.Load(TestModels.Save(_folder, "lora", 1, Width, (op, x) =>
            op.MatMul(op.MatMul(x, op.Transpose(op.OverridableInput("a.lora_A.weight", Tensor([0, Width]), ["r", Width]), 1, 0)), op.Transpose(op.OverridableInput("a.lora_B.weight", Tensor([Width, 0]), [Width, "r"]), 1, 0)),
            TestModels.Manifest(ModelTask.Regression, 1, Width)));
        var file = Path.Combine(_folder, "adapter.safetensors");
        SafetensorsFile.Write(file, new Dictionary<string, TensorData> { ["a.lora_A.weight"] = Tensor([Rank, Width]), ["a.lora_B.weight"] = Tensor([Width, Rank]) }, new Dictionary<string, string> { [AdapterMetadata.LoraAlpha] = "2" });
        var image = new float[Width * Width];
        var held = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            for (var swap = 0; swap < swaps; swap++)
            {
                using var adapter = model.LoadAdapter(file);
                model.Run(image, [1, 1, Width, Width], ["logits"], adapter);
            }

            held.Add((double)HeapBytes() / swaps);
        }

        // What leaks grows in every round; what the runtime itself takes, for compiled code for example, comes and goes.
        var growth = held.Zip(held.Skip(1), (before, after) => after - before).Order().ToList();
        TestContext.Current.TestOutputHelper!.WriteLine($"{string.Join(", ", growth.Select(bytes => bytes.ToString("F1", System.Globalization.CultureInfo.InvariantCulture)))} bytes a swap");
        Assert.True(growth[0] < 64, $"at least {growth[0]} bytes a swap stay on the native heap"); // an adapter of this test alone holds more
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
