using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Pickles;

/// <summary>
/// Goes over the values of a pickle, children first, cuts loops, refuses deep nesting and replaces each value by its meaning. Every value is
/// visited once, however often it is shared.
/// </summary>
internal static class PickleWalk
{
    /// <summary>How deep values may be nested; checkpoints stay below 30.</summary>
    public const int MaximumDepth = 500;

    /// <summary>Returns the meaning of <paramref name="root"/>, whose children were replaced by theirs.</summary>
    /// <param name="root">A value as the reader left it.</param>
    /// <param name="meaning">The meaning of a value whose children already have theirs; the value itself when it has no other.</param>
    /// <exception cref="FileFormatException">Nested too deeply, a key twice, or what <paramref name="meaning"/> refuses; the message names
    /// the path.</exception>
    public static PickleValue Resolve(PickleValue root, Func<PickleValue, PickleValue> meaning)
    {
        var open = new Stack<(PickleValue Value, int Next)>();
        Enter(root);
        try
        {
            while (open.TryPop(out var top))
            {
                var (value, next) = top;
                if (next > 0)
                {
                    Settle(value, next - 1);
                }

                if (next < value.ChildCount)
                {
                    open.Push((value, next + 1));
                    var child = value.Child(next);
                    if (child.Visit == PickleVisit.New)
                    {
                        Enter(child);
                    }
                }
                else
                {
                    value.Meaning = meaning(value);
                    value.Visit = PickleVisit.Done;
                }
            }
        }
        catch (FileFormatException failure)
        {
            throw new FileFormatException($"{Path(open)}{failure.Message}", failure);
        }

        return root.Meaning!;

        void Enter(PickleValue value)
        {
            if (value.ChildCount == 0)
            {
                value.Meaning = meaning(value);
                value.Visit = PickleVisit.Done;
                return;
            }

            if (open.Count >= MaximumDepth)
            {
                throw TooDeep();
            }

            value.Visit = PickleVisit.Open;
            open.Push((value, 0));
        }
    }

    private static void Settle(PickleValue value, int index)
    {
        var child = value.Child(index);
        if (child.Visit == PickleVisit.Open)
        {
            value.Replace(index, PickleCycle.Instance);
            return;
        }

        var meaning = child.Meaning ?? child;
        if (!ReferenceEquals(meaning, child))
        {
            value.Replace(index, meaning);
        }

        value.Height = Math.Max(value.Height, 1 + Math.Max(child.Height, meaning.Height));
        if (value.Height > MaximumDepth)
        {
            throw TooDeep();
        }
    }

    private static FileFormatException TooDeep() => new($"values are nested more than {MaximumDepth} deep. Refused, to bound the stack.");

    private static string Path(Stack<(PickleValue Value, int Next)> open)
    {
        var names = open.Reverse().Where(frame => frame.Value is PickleMapping && frame.Next > 0)
            .Select(frame => ((PickleMapping)frame.Value).Child((frame.Next - 1) & ~1) is PickleText { Value: var name } ? name : "?").Take(8).ToList();
        return names.Count > 0 ? $"{string.Join(".", names)}: " : "";
    }
}
