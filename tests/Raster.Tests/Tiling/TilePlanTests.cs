using CsCheck;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Raster.Tests.Tiling;

public class TilePlanTests
{
    private static readonly Gen<(int Length, TilePlanOptions Options)> Plans =
        from patch in Gen.Int[0, 3].Select(i => new[] { 1, 2, 7, 16 }[i])
        from patches in Gen.Int[1, 20]
        from half in Gen.Int[0, patch * patches / 4]
        from length in Gen.OneOf(Gen.Int[1, 2000], Gen.Int[-1, 1].Select(near => Math.Max(1, (patch * patches) + near)))
        from edge in Gen.Enum<EdgeMode>()
        select (length, new TilePlanOptions { Tile = patch * patches, Overlap = 2 * half, Patch = patch, Edge = edge });

    [Fact]
    public void Owned_cells_tile_an_axis_of_any_length_exactly_once_and_lie_within_their_tile() => Plans.Sample(plan =>
    {
        var axis = TileAxis.Create(plan.Length, plan.Options);
        var next = 0;
        for (var i = 0; i < axis.Count; i++)
        {
            Assert.Equal(next, axis.OwnedStart(i));
            Assert.True(axis.OwnedEnd(i) > axis.OwnedStart(i) || axis.Count > 1);
            Assert.True(axis.OwnedStart(i) >= axis.Start(i) && axis.OwnedEnd(i) <= axis.Start(i) + plan.Options.Tile);
            next = axis.OwnedEnd(i);
        }

        Assert.Equal(plan.Length, next);
    });

    [Fact]
    public void Inner_boundaries_keep_half_the_overlap_from_both_tile_edges() => Plans.Sample(plan =>
    {
        var axis = TileAxis.Create(plan.Length, plan.Options);
        for (var i = 1; i < axis.Count; i++)
        {
            Assert.True(axis.OwnedStart(i) - axis.Start(i) >= plan.Options.Overlap / 2);
            Assert.True(axis.Start(i - 1) + plan.Options.Tile - axis.OwnedEnd(i - 1) >= plan.Options.Overlap / 2);
        }
    });

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Linear), InlineData(BlendMode.Cosine)]
    public void Weights_sum_to_one_at_every_pixel_also_where_three_tiles_overlap(BlendMode blend) =>
        Gen.Select(Plans, Gen.Double[0, 1]).Sample((plan, share) =>
        {
            var axis = TileAxis.Create(plan.Length, plan.Options);
            var margin = (int)(share * plan.Options.Overlap / 2);
            var sums = new double[plan.Length];
            var weights = new float[plan.Options.Tile];
            for (var i = 0; i < axis.Count; i++)
            {
                axis.Weights(i, blend, margin, weights);
                for (var u = 0; u < weights.Length; u++)
                {
                    Assert.InRange(weights[u], 0, 1);
                    if (axis.Start(i) + u is var x && x >= 0 && x < plan.Length)
                    {
                        sums[x] += weights[u];
                    }
                }
            }

            Assert.All(sums, sum => Assert.InRange(sum, 1 - 1e-6, 1 + 1e-6));
        }, iter: 300);

    [Fact]
    public void Embedding_plans_start_and_own_on_the_patch_grid() => Gen.Select(Gen.Int[1, 3000], Gen.Int[2, 14], Gen.Int[0, 3]).Sample((length, patches, overlapPatches) =>
    {
        var options = new TilePlanOptions { Tile = 16 * patches, Overlap = 16 * Math.Min(overlapPatches, patches / 2), Patch = 16, AlignToPatch = true };
        var axis = TileAxis.Create(length, options);
        for (var i = 0; i < axis.Count; i++)
        {
            Assert.Equal(0, axis.Start(i) % 16);
            Assert.Equal(0, axis.OwnedStart(i) % 16);
            Assert.True(axis.OwnedEnd(i) <= axis.Start(i) + options.Tile);
        }
    });

    [Theory, InlineData(1), InlineData(223), InlineData(224), InlineData(225), InlineData(10_980)]
    public void Tiles_cover_every_pixel_of_an_axis_of_any_length(int length)
    {
        var axis = TileAxis.Create(length, new TilePlanOptions { Tile = 224, Overlap = 32 });
        Assert.All(Enumerable.Range(0, length), pixel => Assert.Contains(Enumerable.Range(0, axis.Count), i => pixel - axis.Start(i) is >= 0 and < 224));
        Assert.True(length < 224 || axis.Start(axis.Count - 1) + 224 == length);
    }

    [Theory, InlineData(224, 114, 16), InlineData(224, 31, 16), InlineData(225, 32, 16), InlineData(224, -2, 16)]
    public void Numbers_that_contradict_each_other_are_refused_with_all_three(int tile, int overlap, int patch)
    {
        var message = Assert.Throws<RasterException>(() => TilePlan.Create(new PixelSize(500, 500), new TilePlanOptions { Tile = tile, Overlap = overlap, Patch = patch })).Message;
        Assert.All([$"tile {tile}", $"overlap {overlap}", $"patch {patch}"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Tiles_of_any_sides_own_every_pixel_of_a_scene_once() => Gen.Select(Plans, Plans).Sample((across, down) =>
    {
        var scene = new PixelSize(Math.Min(across.Length, 300), Math.Min(down.Length, 300));
        var plan = TilePlan.Create(scene, across.Options, down.Options);
        Assert.Equal((new PixelSize(across.Options.Tile, down.Options.Tile), new PixelSize(across.Options.Overlap, down.Options.Overlap)), (plan.Tile, plan.Overlap));
        var owners = new int[scene.Area];
        foreach (var tile in plan.Tiles())
        {
            Assert.Equal(plan.Tile, new PixelSize(tile.Read.Width, tile.Read.Height));
            for (var i = 0; i < tile.Own.Area; i++)
            {
                var (x, y) = (tile.Own.X + (i % tile.Own.Width), tile.Own.Y + (i / tile.Own.Width));
                Assert.True(x >= tile.Read.X && x < tile.Read.Right && y >= tile.Read.Y && y < tile.Read.Bottom);
                owners[(y * scene.Width) + x]++;
            }
        }

        Assert.All(owners, count => Assert.Equal(1, count));
        Assert.Equal(plan.Count, plan.Tiles().LongCount());
    }, iter: 60);

    [Fact]
    public void Each_axis_of_a_plan_is_that_of_its_side_alone() => Gen.Select(Plans, Plans).Sample((across, down) =>
    {
        var plan = TilePlan.Create(new PixelSize(across.Length, down.Length), across.Options, down.Options);
        foreach (var (axis, alone) in new[] { (plan.X, TileAxis.Create(across.Length, across.Options)), (plan.Y, TileAxis.Create(down.Length, down.Options)) })
        {
            Assert.Equal(alone.Count, axis.Count);
            Assert.All(Enumerable.Range(0, axis.Count), i => Assert.Equal((alone.Start(i), alone.OwnedStart(i), alone.OwnedEnd(i)), (axis.Start(i), axis.OwnedStart(i), axis.OwnedEnd(i))));
        }
    }, iter: 100);

    [Fact]
    public void What_a_tile_reads_of_the_scene_is_where_its_pixels_come_from() => Plans.Sample(plan =>
    {
        var axis = TileAxis.Create(plan.Length, plan.Options);
        for (var i = 0; i < axis.Count; i++)
        {
            var pixels = Enumerable.Range(axis.Start(i), plan.Options.Tile).Where(x => plan.Options.Edge != EdgeMode.Zero || (x >= 0 && x < plan.Length)).Select(x => TileAxis.Reflect(x, plan.Length)).ToList();
            Assert.Equal((pixels.Min(), pixels.Max() + 1), axis.Reads(i));
        }
    });

    [Fact]
    public void With_zeros_behind_the_edge_no_tile_is_moved_and_each_owns_what_it_answers_for() => Gen.Select(Gen.Int[1, 400], Gen.Int[4, 60], Gen.Int[0, 30], Gen.Int[0, 10]).Sample((length, tile, share, border) =>
    {
        var margin = Math.Min(border, (tile - 1) / 2);
        var overlap = Math.Min((2 * margin) + share, TilePlanOptions.MostOverlap(tile, margin));
        var axis = TileAxis.Create(length, new TilePlanOptions { Tile = tile, Overlap = overlap, Margin = margin, Edge = EdgeMode.Zero });
        Assert.Equal(length <= tile ? 1 : ((length - tile + tile - overlap - 1) / (tile - overlap)) + 1, axis.Count);
        for (var i = 0; i < axis.Count; i++)
        {
            Assert.Equal(i * (tile - overlap), axis.Start(i));
            for (var x = Math.Max(axis.OwnedStart(i), axis.AnsweredStart); x < Math.Min(axis.OwnedEnd(i), axis.AnsweredEnd); x++)
            {
                Assert.InRange(x, axis.Start(i) + margin, axis.Start(i) + tile - margin - 1);
            }
        }

        Assert.Equal((Math.Min(length, margin), Math.Min(length, axis.Start(axis.Count - 1) + tile - margin)), (axis.AnsweredStart, axis.AnsweredEnd));
    });

    [Theory, InlineData(1, -5, 0), InlineData(4, -1, 1), InlineData(4, 4, 2), InlineData(4, 6, 0), InlineData(4, 7, 1), InlineData(4, -6, 0)]
    public void Reflection_repeats_no_edge_pixel_at_any_distance(int length, int position, int expected) =>
        Assert.Equal(expected, TileAxis.Reflect(position, length));

    [Fact]
    public void The_default_overlap_is_32_at_224() => Assert.Equal(32, TilePlanOptions.DefaultOverlap(224));
}
