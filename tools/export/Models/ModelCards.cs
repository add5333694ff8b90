using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EoOnnx.Export.Models;

/// <summary>The cards that ship with the program.</summary>
public static class ModelCards
{
    private const string Folder = "models/";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    private static readonly Lazy<IReadOnlyList<ModelCard>> Embedded = new(Read);

    /// <summary>All cards, by family, then by name.</summary>
    public static IReadOnlyList<ModelCard> All => Embedded.Value;

    /// <summary>The cards of a family; all of them for null.</summary>
    /// <exception cref="ModelCardException">There is no such family; the message has those that there are.</exception>
    public static IReadOnlyList<ModelCard> OfFamily(string? family)
    {
        IReadOnlyList<ModelCard> cards = family is null ? All : [.. All.Where(card => card.Family.Equals(family, StringComparison.OrdinalIgnoreCase))];
        return cards.Count > 0 ? cards : throw new ModelCardException($"There is no family '{family}'; there are {string.Join(", ", All.Select(card => card.Family).Distinct())}.");
    }

    /// <summary>The card of that name.</summary>
    /// <exception cref="ModelCardException">There is none; the message has names that contain the same word.</exception>
    public static ModelCard Find(string name)
    {
        if (All.FirstOrDefault(card => card.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } card)
        {
            return card;
        }

        var similar = All.Where(card => card.Name.Contains(name, StringComparison.OrdinalIgnoreCase) || card.Family.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(card => card.Name).Take(8).ToList();
        throw new ModelCardException(similar.Count > 0
            ? $"There is no model '{name}'; similar are {string.Join(", ", similar)}. See all with: eoonnx models list"
            : $"There is no model '{name}' among the {All.Count} that are known. See them with: eoonnx models list");
    }

    /// <summary>Reads one card.</summary>
    /// <exception cref="ModelCardException">Not JSON, a member is missing or unknown.</exception>
    internal static ModelCard Parse(string json, string name)
    {
        try
        {
            return JsonSerializer.Deserialize<ModelCard>(json, Options) ?? throw new ModelCardException($"The model card {name} is empty; expected a JSON object.");
        }
        catch (JsonException failure)
        {
            throw new ModelCardException($"The model card {name} is damaged: {failure.Message}", failure);
        }
    }

    private static IReadOnlyList<ModelCard> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var cards = new List<ModelCard>();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            cards.Add(Parse(reader.ReadToEnd(), name));
        }

        return [.. cards.OrderBy(card => card.Family, StringComparer.Ordinal).ThenBy(card => card.Name, StringComparer.Ordinal)];
    }
}
