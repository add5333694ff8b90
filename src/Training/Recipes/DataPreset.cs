namespace EoOnnx.Training.Recipes;

/// <summary>Data sets whose folders, bands, statistics and classes are known.</summary>
public enum DataPreset
{
    /// <summary>The recipe says where everything is.</summary>
    None,

    /// <summary>TerraMesh, the pretraining data of TerraMind: a folder of GeoTIFFs for each modality.</summary>
    Terramesh,
}
