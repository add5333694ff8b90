using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Export.Models;

/// <summary>
/// The SHA-256 of files that were fetched before, by card name: <c>pinned-hashes.json</c> in the folder of the files. A card without
/// a hash is trusted on first use; from then on the same bytes are expected.
/// </summary>
internal sealed class PinnedHashes(string folder)
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true };
    private readonly string _path = Path.Combine(folder, "pinned-hashes.json");

    public string FilePath => _path;

    public string? Find(string name) => Read().GetValueOrDefault(name);

    public void Pin(string name, string sha256)
    {
        var pins = Read();
        pins[name] = sha256;
        AtomicFile.WriteText(_path, JsonSerializer.Serialize(pins, Options));
    }

    private SortedDictionary<string, string> Read()
    {
        if (!File.Exists(_path))
        {
            return new(StringComparer.Ordinal);
        }

        try
        {
            var pins = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(_path)) ?? [];
            return new(pins, StringComparer.Ordinal);
        }
        catch (JsonException failure)
        {
            throw new ModelCardException($"{_path} is damaged: {failure.Message} Mend or delete it; without it, hashes are pinned anew.", failure);
        }
    }
}
