using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Files of a folder whose names differ in one part only: a prefix, what names the chip, a suffix.</summary>
/// <param name="Folder">Relative to the data set's folder.</param>
/// <param name="Prefix">What all names begin with.</param>
/// <param name="Suffix">What all names end with, the extension included.</param>
/// <param name="Stems">What stands between, in ordinal order.</param>
internal sealed record FileKind(string Folder, string Prefix, string Suffix, IReadOnlyList<string> Stems)
{
    private const int MostCuts = 6, MostKinds = 6;

    /// <summary>The pattern of the names.</summary>
    public string Pattern => $"{Prefix}*{Suffix}";

    /// <summary>Path of the first file, relative to the data set's folder.</summary>
    public string First => (Folder.Length == 0 ? "" : $"{Folder}/") + Prefix + Stems[0] + Suffix;

    /// <summary>Equal for kinds with the same stems.</summary>
    public (int Count, long Key) StemsKey { get; } = (Stems.Count, Stems.Aggregate(0L, (sum, stem) => unchecked(sum + KeyedRandom.KeyOf(stem))));

    /// <summary>Equal for kinds of the same files.</summary>
    public (string Folder, long Key) FilesKey { get; } = (Folder, Stems.Aggregate(0L, (sum, stem) => unchecked(sum + KeyedRandom.KeyOf(Prefix + stem + Suffix))));

    /// <summary>All ways to see the files of a folder as chips of one kind, or of up to six kinds beside each other.</summary>
    public static IReadOnlyList<FileKind> Of(ScannedFolder folder)
    {
        var names = folder.Chips;
        var suffixes = Frequent(names, name => Cuts(name).Select(at => name[at..]).Reverse().Take(MostCuts));
        var prefixes = Frequent(names, name => Cuts(name).Take(MostCuts).Select(at => name[..(at + 1)])).Prepend("").ToList();
        return [.. from suffix in suffixes
            from prefix in prefixes
            let members = names.Where(name => name.Length > prefix.Length + suffix.Length && name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)).ToList()
            where members.Count * MostKinds >= names.Count && members.Count > 0
            select new FileKind(folder.Path, prefix, suffix, [.. members.Select(name => name[prefix.Length..^suffix.Length]).Order(StringComparer.Ordinal)])];
    }

    private static IEnumerable<int> Cuts(string name) => Enumerable.Range(0, name.Length).Where(at => name[at] is '_' or '.' or '-');

    private static List<string> Frequent(IReadOnlyList<string> names, Func<string, IEnumerable<string>> parts) => names.SelectMany(parts)
        .CountBy(part => part, StringComparer.Ordinal).Where(part => part.Value * MostKinds >= names.Count).Select(part => part.Key).Order(StringComparer.Ordinal).ToList();
}
