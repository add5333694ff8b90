using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Tests.Data;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

public class EvaluationTests
{
    [Theory, InlineData(4, 7, 10), InlineData(8, 5, 20), InlineData(6, 6, 6)]
    public async Task A_perfect_map_has_perfect_boundaries_where_tiles_overlap_and_chips_are_smaller_than_a_tile(int tile, int height, int width)
    {
        var samples = new ChipSamples(Chips.Numbered(2, 1, height, width), [0, 1], Chips.Options(tile, 1));
        foreach (var isRight in new[] { true, false })
        {
            var evaluation = new Evaluation(ModelTask.Segmentation, samples);
            await foreach (var batch in new BatchLoader(samples, new BatchLoaderOptions { BatchSize = 3 }, training: false).ReadAsync(0))
            {
                using (batch)
                {
                    // What lies outside the part that counts may be predicted as anything; a map of one class has no boundaries.
                    evaluation.Add(Array.ConvertAll(batch.Classes.ToArray(), label => !isRight ? 0 : label == samples.Target.IgnoreIndex ? 1 : label), batch);
                }
            }

            Assert.Equal(isRight ? 1 : 0, evaluation.Named(null)["Boundary_mIoU"], 1e-6);
        }
    }
}
