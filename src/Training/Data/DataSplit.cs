namespace EoOnnx.Training.Data;

/// <summary>Which chips are trained on and which are held out.</summary>
/// <param name="Training">Indices into the source's chips.</param>
/// <param name="Validation">Indices into the source's chips; none of them in <paramref name="Training"/>.</param>
/// <param name="How">How the chips were divided, for the report.</param>
public sealed record DataSplit(IReadOnlyList<int> Training, IReadOnlyList<int> Validation, string How)
{
    /// <summary>Holds out a share of the chips. A chip's place depends on the seed and its name only, so that new chips do not move old ones far.</summary>
    /// <param name="chips">The chips.</param>
    /// <param name="share">Share to hold out, over 0 and under 1; at least one chip is held out and at least one is kept.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <exception cref="TrainingDataException">There are fewer than two chips.</exception>
    public static DataSplit Random(IReadOnlyList<ChipInfo> chips, double share, long seed)
    {
        if (share is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(share), share, "The share of held-out chips must be over 0 and under 1; 0.2 is usual.");
        }

        if (chips.Count < 2)
        {
            throw new TrainingDataException($"There is {chips.Count} chip ('{chips[0].Name}'); holding out a share needs at least 2. Add chips, or give a separate validation folder.");
        }

        var order = Enumerable.Range(0, chips.Count).OrderBy(chip => new KeyedRandom(seed, KeyedRandom.KeyOf(chips[chip].Name)).NextBits()).ToList();
        var heldOut = Math.Clamp((int)Math.Round(chips.Count * share), 1, chips.Count - 1);
        return new DataSplit([.. order.Skip(heldOut).Order()], [.. order.Take(heldOut).Order()], FormattableString.Invariant($"random, share {share}, seed {seed}"));
    }

    /// <summary>Holds out a share of the chips by blocks of a grid over the earth, so that chips that lie side by side are not in both parts. A block's
    /// place in the draw depends on the seed and itself only.</summary>
    /// <param name="chips">Where the chips lie; a chip belongs to the block of its centre.</param>
    /// <param name="metres">Side of the blocks.</param>
    /// <param name="share">Share of the chips to hold out; as many whole blocks as do not exceed it, at least one.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <exception cref="TrainingDataException">All chips lie in one block.</exception>
    internal static DataSplit Blocks(IReadOnlyList<ChipOutline> chips, double metres, double share, long seed)
    {
        var blocks = Enumerable.Range(0, chips.Count).GroupBy(chip => SpatialBlock.Of(chips[chip], metres))
            .OrderBy(block => new KeyedRandom(seed, block.Key.Row, block.Key.Column).NextBits()).ToList();
        if (blocks.Count < 2)
        {
            throw new TrainingDataException(FormattableString.Invariant($"All {chips.Count} chips lie in one block of {metres} m, so none can be held out. Choose smaller blocks (data.blockMetres)."));
        }

        var (wanted, heldOut, taken) = (Math.Max(1, (int)Math.Round(chips.Count * share)), new List<int>(), 0);
        foreach (var block in blocks)
        {
            if (heldOut.Count + block.Count() <= wanted)
            {
                heldOut.AddRange(block);
                taken++;
            }
        }

        if (heldOut.Count == 0)
        {
            heldOut.AddRange(blocks.MinBy(block => block.Count())!);
            taken = 1;
        }

        return new DataSplit([.. Enumerable.Range(0, chips.Count).Except(heldOut)], [.. heldOut.Order()], FormattableString.Invariant($"{taken} of {blocks.Count} blocks of {metres} m, share {share}, seed {seed}"));
    }

    /// <summary>Holds out the named chips.</summary>
    /// <exception cref="TrainingDataException">A name is not a chip, or no chip is left to train on.</exception>
    public static DataSplit LeaveOut(IReadOnlyList<ChipInfo> chips, IEnumerable<string> names)
    {
        var indices = Enumerable.Range(0, chips.Count).ToDictionary(chip => chips[chip].Name, StringComparer.Ordinal);
        var heldOut = names.Select(name => indices.TryGetValue(name, out var chip) ? chip : throw new TrainingDataException(
            $"There is no chip '{name}' to hold out; there are {chips.Count}: {string.Join(", ", chips.Take(5).Select(chip => chip.Name))}{(chips.Count > 5 ? ", …" : "")}.")).Distinct().Order().ToList();
        var training = Enumerable.Range(0, chips.Count).Except(heldOut).ToList();
        return training.Count > 0 && heldOut.Count > 0 ? new DataSplit(training, heldOut, "held out by name") : throw new TrainingDataException(
            $"Holding out {heldOut.Count} of {chips.Count} chips leaves {training.Count} to train on; both parts need at least 1.");
    }
}
