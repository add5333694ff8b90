using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>After a run with these options ONNX Runtime gives the memory of intermediate values back to the system: training and validation then do not
/// hold theirs at the same time. The next run asks for it anew, which costs the time of touching it.</summary>
internal static class ArenaShrinkage
{
    /// <summary>The options; the caller disposes them.</summary>
    public static RunOptions Options()
    {
        var options = new RunOptions();
        options.AddRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
        return options;
    }
}
