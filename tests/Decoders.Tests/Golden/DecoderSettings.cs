using System.Globalization;
using System.Text.RegularExpressions;

namespace EoOnnx.Decoders.Tests.Golden;

/// <summary>The sentence of run.json that says what shapes cannot: <c>pool_scales (1,2,3,6), align_corners True</c>.</summary>
internal sealed class DecoderSettings(string sentence)
{
    public bool Mentions(string word) => Regex.IsMatch(sentence, $@"\b{Regex.Escape(word)}\b");

    public bool Flag(string name, bool otherwise = false) => Regex.Match(sentence, $@"\b{name}[ =](True|False)\b") is { Success: true } match ? match.Groups[1].Value == "True" : otherwise;

    /// <summary>The numbers behind a name, in brackets or alone; none when the name is absent.</summary>
    public IReadOnlyList<int> Numbers(string name) => Regex.Match(sentence, $@"\b{name}[ =][(\[]?(-?\d+(?:, ?-?\d+)*)") is { Success: true } match
        ? [.. match.Groups[1].Value.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))]
        : [];

    public int? Number(string name) => Numbers(name) is [var number, ..] ? number : null;

    public string? Text(string name) => Regex.Match(sentence, $@"\b{name}[ =]'?([A-Za-z][\w.]*)") is { Success: true } match ? match.Groups[1].Value : null;

    public override string ToString() => sentence;
}
