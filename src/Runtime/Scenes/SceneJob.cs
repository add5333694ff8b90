using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Everything about a run that is decided before the first pixel is read.</summary>
internal sealed class SceneJob
{
    private SceneJob(RasterDataset scene, string path, SceneOptions options, SceneModel model, TilePlan plan) =>
        (Scene, Path, Options, Model, Plan) = (scene, path, options, model, plan);

    public RasterDataset Scene { get; }

    /// <summary>The map.</summary>
    public string Path { get; }

    public SceneOptions Options { get; }

    public SceneModel Model { get; }

    public TilePlan Plan { get; }

    /// <summary>The same tiles in pixels of the map, which are finer for super-resolution, with <see cref="Rim"/> around it.</summary>
    public required TilePlan MapPlan { get; init; }

    /// <summary>What the work area holds beyond the map.</summary>
    public Rim Rim { get; private init; }

    /// <summary>The rows of the work area.</summary>
    public RasterProfile WorkProfile => Rim.IsEmpty ? Profile : Profile with { Size = MapPlan.Map };

    /// <summary>The pixels of the scene, and of what lies around it, that have an answer in the work area.</summary>
    public PixelWindow Answered
    {
        get
        {
            var (x, y, finer) = (MapPlan.X, MapPlan.Y, Model.Upsampling);
            var (left, top) = (x.AnsweredStart / finer, (y.AnsweredStart - Rim.Top) / finer);
            return new PixelWindow(left, top, ((x.AnsweredEnd + finer - 1) / finer) - left, ((y.AnsweredEnd - Rim.Top + finer - 1) / finer) - top);
        }
    }

    /// <summary>The part of the scene that is mapped.</summary>
    public required PixelWindow Window { get; init; }

    /// <summary>Pixel to map coordinates of that part.</summary>
    public GeoTransform? Transform => Profile.Transform;

    public MapContent Content { get; private init; }

    public BlendMode Blend { get; private init; }

    public ScoreActivation.Kind Activation { get; private init; }

    public required IReadOnlyList<MappedBand> Bands { get; init; }

    public required IReadOnlyList<ChannelScaling> Scalings { get; init; }

    /// <summary>The classes; null for maps of values.</summary>
    public ClassLegend? Legend { get; private init; }

    /// <summary>Edge of the window whose median replaces each class; 1 leaves them.</summary>
    public int Median { get; private init; } = 1;

    /// <summary>What happens to the classes after the model, in words; empty when nothing does.</summary>
    public IEnumerable<string> Smoothing => Median == 1 ? [] : [string.Create(CultureInfo.InvariantCulture,
        $"Classes are the median of {Median} x {Median} pixels{(Options.Median is null ? ", as the model asks for; --median 0 leaves them as they are" : "")}{(Profile.BandCount > 1 ? ". Confidences are those of the classes before it" : "")}.")];

    // What a byte of an embedding can hold, band by band.
    private IReadOnlyList<(float Low, float High)> Ranges { get; init; } = [];

    public required RasterProfile Profile { get; init; }

    /// <summary>Files that are made beside the map, with their names.</summary>
    public MapCompanions Companions { get; private init; } = new();

    /// <summary>The map is a GeoPackage with polygons and no raster.</summary>
    public bool IsVector => IsVectorName(Path);

    /// <summary>Bands of the work area that do not go into the map: how sure the model is, where polygons tell it.</summary>
    public int HiddenBands { get; private init; }

    public required List<string> Warnings { get; init; }

    /// <summary>Everything that can change a pixel, by name.</summary>
    public required IReadOnlyDictionary<string, string> Identity { get; init; }

    /// <summary>Decides a run.</summary>
    /// <exception cref="EoOnnxException">Scene, model and options do not fit together.</exception>
    public static SceneJob Create(EoModel model, RasterDataset scene, string path, SceneOptions options, CancellationToken cancellation)
    {
        CheckGrid(scene);
        if (options.MeasureBatch && (options.Batch is not null || options.Deterministic))
        {
            throw new ArgumentException($"A measured batch follows the machine; leave out {(options.Deterministic ? "--deterministic" : $"--batch {options.Batch}")}, or --batch auto.");
        }

        if (File.Exists(path) && !options.Overwrite)
        {
            throw new RasterException($"{path} exists. Replace it with --overwrite (SceneOptions.Overwrite), or write to another file with --out.");
        }

        var warnings = new List<string>([.. options.Adapter?.Notes ?? [], .. options.Opening?.Warnings ?? []]);
        if (scene.Projection.Length == 0)
        {
            warnings.Add($"{scene.Name} has no coordinate reference system; the map has none either.");
        }

        var window = WindowOf(scene, options);
        var size = new PixelSize(window.Width, window.Height);
        BeginDigests(model, options.Adapter);
        var described = SceneModel.Describe(model, scene, options, cancellation);
        var manifest = described.Manifest;
        var content = ContentOf(manifest, described, options);
        var (across, down) = PlanOptions(described, options);
        var plan = TilePlan.Create(size, across, down);
        var (finer, mapSize) = (described.Upsampling, Finer(size, described));
        var mapPlan = finer == 1 ? plan : TilePlan.Create(mapSize, Finer(across, finer), Finer(down, finer));
        var median = MedianOf(manifest, content, options);
        var rim = Rim.Of(mapPlan, median);
        var workPlan = rim.IsEmpty ? mapPlan : TilePlan.Create(new PixelSize(mapSize.Width + rim.Right, mapSize.Height + rim.Top), Finer(across, finer), Finer(down, finer));
        var blend = plan.Overlap == default || described.Layout is not null ? BlendMode.None : options.Blend ?? BlendMode.Cosine;
        var bands = BandsOf(scene, described, options, warnings);
        if (options.Opening?.Identity is null && UnusableNoData.Explain([.. bands.Select(band => (scene.Name, band.Source))], options.Validity) is { } unusable)
        {
            warnings.Add(unusable); // a stack was judged by its sources when it was opened
        }

        using (new MaskReader(scene, window, options))
        {
            // Opens what the masks name, so that a wrong one is refused before anything is written.
        }

        var scalings = ChannelScalings.Decide(bands, manifest, options);
        var legend = content is MapContent.Value or MapContent.Embedding ? null : ClassLegend.For(manifest, model.Path, described.Classes);
        var tags = Provenance.Tags(scene, described, plan, blend, bands, scalings, options.Adapter);
        Provenance.Describe(tags, options.Opening);
        if (described.TakesPlaces)
        {
            tags["EOONNX_COORDINATES"] = $"{(tags.TryGetValue("EOONNX_COORDINATES", out var dates) ? dates + " " : "")}{SceneCoordinates.Place}=tiles";
        }

        if (legend is not null)
        {
            tags["EOONNX_CLASSES"] = legend.ToJson();
        }

        var ranges = options.WantedEmbedding?.Storage == EmbeddingStorage.Byte ? EmbeddingRanges.Find(model, scene, plan, window, described.Classes, options, cancellation) : [];
        if (options.WantedEmbedding is { } embedding)
        {
            tags["EOONNX_EMBEDDING"] = string.Create(CultureInfo.InvariantCulture, $"{described.Output} {embedding.Pool.ToString().ToLowerInvariant()} {Provenance.SizeText(plan.Cell)}");
        }

        if (median > 1)
        {
            tags["EOONNX_MEDIAN"] = median.ToString(CultureInfo.InvariantCulture);
        }

        var identity = new SortedDictionary<string, string>(tags, StringComparer.Ordinal)
        {
            ["content"] = content.ToString(),
            ["confidence"] = options.Confidence.ToString(),
            ["edge"] = options.Edge.ToString(),
            ["output"] = described.Output,
            ["window"] = window.ToString(),
            ["augmentation"] = options.Augmentation.ToString(),
            ["masks"] = string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', options.Masks.Select(mask => $"{mask.Text} ({Provenance.Stamp(mask.Source)})"))} +{options.MaskDilation} {options.MaskMode}"),
            ["nodata"] = options.Validity.ToString(),
        };
        if (options.Area is { } area)
        {
            identity["area"] = Provenance.Stamp(area);
        }

        if (options.BlendSpace == BlendSpace.Logit)
        {
            identity["blendSpace"] = "logit";
        }

        if (options.Quantise is { } stepped)
        {
            identity["quantise"] = string.Create(CultureInfo.InvariantCulture, $"{stepped.Low:R}..{stepped.High:R}");
        }

        if (model.DeepnessKind is { } kind)
        {
            identity["deepness"] = kind; // the same file may be read with and without its rules
        }

        if (options.WantedEmbedding is { } stored)
        {
            identity["storage"] = $"{stored.Storage} {string.Join(' ', ranges.Select(range => string.Create(CultureInfo.InvariantCulture, $"{range.Low:R}..{range.High:R}")))}";
        }

        tags[Provenance.JobTag] = Provenance.JobDigest(identity);
        if (options.Stamp)
        {
            tags["TIFFTAG_DATETIME"] = DateTime.UtcNow.ToString("yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture);
        }

        var hidden = HiddenOf(path, content, options);
        var encoder = NewEncoder(content, legend, described, options, hidden, ranges);
        return new SceneJob(scene, path, options, described, plan)
        {
            MapPlan = workPlan,
            Rim = rim,
            Window = window,
            Content = content,
            Median = median,
            Blend = blend,
            Activation = ActivationOf(manifest, described, content),
            Bands = bands,
            Scalings = scalings,
            Legend = legend,
            HiddenBands = hidden == ConfidenceBand.None ? 0 : 1,
            Companions = path.Length == 0 ? options.Companions : Companioned(new SceneOutput(path, options.Adapter, described.Output), options, content, described.Classes),
            Ranges = ranges,
            Warnings = warnings,
            Identity = identity,
            Profile = new RasterProfile
            {
                Size = mapPlan.Map,
                Type = encoder.Type,
                HalfPrecision = encoder is HalfEncoder,
                BandCount = encoder.Bands,
                NoData = encoder.NoData,
                BandScaling = encoder.Scaling,
                Unit = content == MapContent.Value ? manifest.Unit ?? "" : "",
                Transform = scene.Transform?.Moved(window.X, window.Y, finer > 1 ? 1.0 / finer : plan.X.Cell, finer > 1 ? 1.0 / finer : plan.Y.Cell),
                Projection = scene.Projection,
                BandNames = NamesOf(content, legend, described, options),
                CategoryNames = content == MapContent.Class ? legend!.Names : [],
                Colors = content == MapContent.Class ? legend!.Colors : [],
                Metadata = tags,
            },
        };
    }

    // Large files are hashed while the model runs for the first time.
    private static void BeginDigests(EoModel model, EoAdapter? adapter)
    {
        foreach (var digest in new[] { model.Digest, adapter?.Digest })
        {
            if (digest is { IsValueCreated: false })
            {
                _ = Task.Run(() => digest.Value); // what fails here fails where the value is asked for, too
            }
        }
    }

    private static PixelSize Finer(PixelSize size, SceneModel model)
    {
        var (width, height) = ((long)size.Width * model.Upsampling, (long)size.Height * model.Upsampling);
        return Math.Max(width, height) <= int.MaxValue ? new PixelSize((int)width, (int)height)
            : throw new RasterException($"The map of {size.Width} x {size.Height} pixels would have {width} x {height}, as {model.Model.Path} makes {model.Upsampling} of each; at most {int.MaxValue} are possible. Map a part with --window.");
    }

    private static TilePlanOptions Finer(TilePlanOptions options, int factor) => options with { Tile = options.Tile * factor, Overlap = options.Overlap * factor };

    private static MapCompanions Companioned(SceneOutput map, SceneOptions options, MapContent content, int bands) => content != MapContent.Class && (options.Companions.Vector is not null || IsVectorName(map.Path))
        ? throw new ArgumentException("Polygons are made of classes; choose --out-type class, or leave out --vector and name the map .tif.")
        : content == MapContent.Value && options.Companions.Style is not null && bands > ValueSpread.MostBands ? throw new ArgumentException($"A style for QGIS shows one of a few bands; this map has {bands}. Leave out --style.")
        : options.Companions.For(map);

    /// <summary>True for the name of a map that is polygons only.</summary>
    public static bool IsVectorName(string path) => path.EndsWith(".gpkg", StringComparison.OrdinalIgnoreCase);

    private static ConfidenceBand HiddenOf(string path, MapContent content, SceneOptions options) =>
        content == MapContent.Class && options.Confidence != ConfidenceBand.Maximum && path.Length > 0 && (options.Companions.Vector is not null || IsVectorName(path)) ? ConfidenceBand.Maximum : ConfidenceBand.None;

    /// <summary>How the work area is laid out and what it holds.</summary>
    public IReadOnlyDictionary<string, string> WorkIdentity => HiddenBands == 0 ? Identity
        : new SortedDictionary<string, string>(Identity.ToDictionary(), StringComparer.Ordinal) { ["hidden"] = HiddenBands.ToString(CultureInfo.InvariantCulture) };

    /// <summary>How often each tile goes through the model.</summary>
    public static int CallsOf(TestTimeAugmentation augmentation) => augmentation switch
    {
        TestTimeAugmentation.D4 => 8,
        TestTimeAugmentation.Flips => 4,
        _ => 1,
    };

    /// <summary>True when another job takes the same tiles, with the same values.</summary>
    public bool ReadsLike(SceneJob other) => Rim == other.Rim && Plan.X.Options == other.Plan.X.Options && Plan.Y.Options == other.Plan.Y.Options && Model.Upsampling == other.Model.Upsampling && Blend == other.Blend && Model.Frames == other.Model.Frames && Model.Manifest.Fill == other.Model.Manifest.Fill
        && Bands.Select(band => band.Source.Index).SequenceEqual(other.Bands.Select(band => band.Source.Index)) && Scalings.SequenceEqual(other.Scalings);

    /// <summary>A new encoder of this map's pixels.</summary>
    public MapEncoder NewEncoder() => NewEncoder(Content, Legend, Model, Options, HiddenBands > 0 ? ConfidenceBand.Maximum : ConfidenceBand.None, Ranges);

    /// <summary>A new filter of this map's classes.</summary>
    public ClassMedian NewMedian() => new(WorkProfile, Legend!.Classes.Select(item => item.Id), Median) { MissingIsLowest = Model.Margin != default && Options.Edge == EdgeMode.Zero };

    private static MapEncoder NewEncoder(
        MapContent content, ClassLegend? legend, SceneModel model, SceneOptions options, ConfidenceBand hidden, IReadOnlyList<(float Low, float High)> ranges) => content switch
    {
        MapContent.Class => new ClassEncoder([.. legend!.Classes.Select(item => item.Id)], model.Classes, options.Confidence, model.Manifest.Threshold, hidden),
        MapContent.Probability => new ProbabilityEncoder(model.Classes),
        MapContent.Embedding when options.WantedEmbedding!.Storage == EmbeddingStorage.Byte => new ByteEncoder(ranges),
        MapContent.Embedding when options.WantedEmbedding!.Storage == EmbeddingStorage.Half => new HalfEncoder(model.Classes),
        MapContent.Embedding => new ValueEncoder(model.Classes),
        _ when options.Quantise is { } range => new ShortEncoder(model.Classes, range, (float)model.Manifest.OutputScale),
        _ => new ValueEncoder(model.Classes, (float)model.Manifest.OutputScale),
    };

    // A scene is opened for one list of channels; of several adapters one may take another.
    private static IReadOnlyList<MappedBand> BandsOf(RasterDataset scene, SceneModel model, SceneOptions options, List<string> warnings)
    {
        if (options.Opening is { } opening && opening.Bands.Select(band => band.Channel).SequenceEqual(model.Channels))
        {
            return opening.Bands;
        }

        return options.Opening is not { Identity: not null } stack ? BandMapping.Resolve(scene, model.Channels, options.Bands, warnings)
            : throw new ArgumentException($"{stack.Source} was put together for the channels {string.Join(", ", stack.Bands.Select(band => band.Channel))}; {options.Adapter?.Path ?? model.Model.Path} takes {string.Join(", ", model.Channels)}. Map it on its own.");
    }

    private static MapContent ContentOf(ModelManifest manifest, SceneModel model, SceneOptions options)
    {
        if (options.WantedEmbedding is not null)
        {
            CheckEmbedding(options);
            return MapContent.Embedding;
        }

        var content = options.Content ?? (manifest.Task == ModelTask.Segmentation ? MapContent.Class : MapContent.Value);
        if (options.Quantise is not null && content != MapContent.Value)
        {
            throw new ArgumentException($"--quantise is for maps of values; this is one of the kind {content}, which is stored as whole numbers anyway. Leave it out.");
        }

        if (options is { BlendSpace: BlendSpace.Logit, Augmentation: not TestTimeAugmentation.None })
        {
            throw new ArgumentException("--tta averages probabilities; with --blend-space logit there are none yet. Leave one of them out.");
        }

        if (options.Augmentation == TestTimeAugmentation.D4 && model.Tile.Width != model.Tile.Height)
        {
            throw new ArgumentException($"--tta d4 turns tiles by 90 degrees, so they must be square; those of {model.Model.Path} are {model.Tile}. Choose --tta flips, which keeps rows rows.");
        }

        if (options.Confidence != ConfidenceBand.None && content != MapContent.Class)
        {
            throw new ArgumentException("A confidence band belongs to a class map; leave it out or choose --out-type class.");
        }

        return content == MapContent.Value || manifest.Task == ModelTask.Segmentation || options.Content is not null ? content
            : throw new ModelException($"{model.Model.Path} is a model for {manifest.Task}; choose what to store with --out-type.");
    }

    // As QGIS Deepness makes it of its number: source, processing/map_processor/map_processor_segmentation.py.
    private static int MedianOf(ModelManifest manifest, MapContent content, SceneOptions options) =>
        content == MapContent.Class ? ((options.Median ?? manifest.Median ?? 0) / 2 * 2) + 1
        : options.Median is not > 1 ? 1
        : throw new ArgumentException($"A median smooths classes; choose --out-type class, or leave out --median {options.Median}.");

    private static void CheckEmbedding(SceneOptions options)
    {
        if (options.Augmentation != TestTimeAugmentation.None || options.Blend is not (null or BlendMode.None) || options.Confidence != ConfidenceBand.None || options.Companions.Vector is not null || options.Companions.Style is not null)
        {
            throw new ArgumentException("An embedding takes each pixel from the tile that owns it and has no classes: leave out --tta, --blend, --confidence, --vector and --style.");
        }
    }

    // One pixel a patch: tiles and what they own lie on the grid of patches. One pixel a tile: tiles do not overlap.
    private static (TilePlanOptions Across, TilePlanOptions Down) PlanOptions(SceneModel model, SceneOptions options)
    {
        var (margin, cells) = (model.Margin, model.Layout?.Grid);
        if (model.Layout is { IsPooled: true } && options.Overlap?.Of(Math.Max(model.Tile.Width, model.Tile.Height)) is > 0 and var wanted)
        {
            throw new ArgumentException($"With one pixel a tile, tiles do not overlap; leave out --overlap {wanted}.");
        }

        // What the model leaves out at the sides of a tile, its neighbours and the reflected edge of the scene must cover.
        var edge = margin == default || options.Edge == EdgeMode.Zero ? options.Edge : EdgeMode.Reflect;
        return (Axis(model.Tile.Width, margin.Width, cells?.Width, hangsOverStart: false), Axis(model.Tile.Height, margin.Height, cells?.Height, edge == EdgeMode.Zero));

        // Deepness makes a layer larger at the right and at the top. Source: its processing/extent_utils.py.
        TilePlanOptions Axis(int tile, int leftOut, int? cellsOfTile, bool hangsOverStart)
        {
            var recommended = Math.Clamp(model.Manifest.Overlap ?? (2 * leftOut) + TilePlanOptions.DefaultOverlap(tile - (2 * leftOut)), 2 * leftOut, TilePlanOptions.MostOverlap(tile, leftOut));
            // Only Deepness shares an odd number of pixels.
            var overlap = edge == EdgeMode.Zero ? recommended : recommended / 2 * 2;
            if (cellsOfTile is not { } count)
            {
                return new TilePlanOptions { Tile = tile, Margin = leftOut, Overlap = options.Overlap?.Of(tile) ?? overlap, Edge = edge, HangsOverStart = hangsOverStart };
            }

            var patch = tile / count;
            var step = patch % 2 == 0 ? patch : 2 * patch;
            return new TilePlanOptions { Tile = tile, Overlap = model.Layout!.IsPooled ? 0 : options.Overlap?.Of(tile) ?? overlap / step * step, Edge = edge, Patch = patch, AlignToPatch = true };
        }
    }

    /// <summary>Scores become probabilities when they are blended, not before.</summary>
    public bool ActivatesRows => Options.BlendSpace == BlendSpace.Logit && Blend != BlendMode.None && Activation != ScoreActivation.Kind.None;

    /// <summary>Which band of the rows is the probability of the class; null when none is.</summary>
    public int? SurenessBand => HiddenBands > 0 ? Profile.BandCount - 1 : Content == MapContent.Class && Options.Confidence == ConfidenceBand.Maximum ? 1 : null;

    // Scores are blended as probabilities; values as they are.
    private static ScoreActivation.Kind ActivationOf(ModelManifest manifest, SceneModel model, MapContent content) =>
        content is MapContent.Value or MapContent.Embedding || manifest.Activation != "none" ? ScoreActivation.Kind.None
        : model.Classes == 1 ? ScoreActivation.Kind.Sigmoid : ScoreActivation.Kind.Softmax;

    private static IReadOnlyList<string> NamesOf(MapContent content, ClassLegend? legend, SceneModel model, SceneOptions options) => content switch
    {
        MapContent.Class => options.Confidence == ConfidenceBand.None ? ["class"] : ["class", options.Confidence == ConfidenceBand.Maximum ? "confidence" : options.Confidence.ToString().ToLowerInvariant()],
        MapContent.Probability => model.Classes == 1 ? [legend!.Classes[1].Name] : [.. legend!.Classes.Select(item => item.Name)],
        MapContent.Embedding => [.. Enumerable.Range(0, model.Classes).Select(i => string.Create(CultureInfo.InvariantCulture, $"{model.Output}.{i}"))],
        _ => model.Classes == 1 ? ["value"] : [.. Enumerable.Range(1, model.Classes).Select(i => $"value {i}")],
    };

    private static PixelWindow WindowOf(RasterDataset scene, SceneOptions options)
    {
        if (options.Window is not null && options.Bounds is not null)
        {
            throw new ArgumentException("Give the part to map either in pixels (--window) or in map coordinates (--bbox), not both.");
        }

        var wanted = options.Window ?? new PixelWindow(0, 0, scene.Size.Width, scene.Size.Height);
        if (options.Bounds is { } bounds)
        {
            var grid = scene.Transform ?? throw new RasterException($"{scene.Name} has no georeferencing; give the part to map in pixels with --window.");
            wanted = grid.Covering(options.BoundsProjection is { } projection ? SpatialReference.Transform(bounds, projection, scene.Projection) : bounds);
        }

        if (options.Area is { } path)
        {
            using var area = AreaOfInterest.Open(path, scene);
            var (around, outer) = (scene.Transform!.Value.Covering(area.Bounds), wanted);
            var (left, top) = (Math.Max(around.X, outer.X), Math.Max(around.Y, outer.Y));
            wanted = new PixelWindow(left, top, Math.Max(0, Math.Min(around.Right, outer.Right) - left), Math.Max(0, Math.Min(around.Bottom, outer.Bottom) - top));
        }

        var inside = wanted.Within(scene.Size);
        return inside.Area > 0 ? inside
            : throw new RasterException($"The part to map, {wanted}, lies outside {scene.Name}, which is {scene.Size.Width} x {scene.Size.Height} pixels. Check --window, --bbox, --bbox-crs and --aoi.");
    }

    private static void CheckGrid(RasterDataset scene)
    {
        if (scene.HasGroundControlPoints)
        {
            throw new RasterException($"{scene.Path} is placed by ground control points; a grid is needed. Lay it on one with --grid utm or --grid EPSG:n, or make one with: gdalwarp -r near '{scene.Path}' warped.tif");
        }

        if (scene.Transform is { IsNorthUp: false })
        {
            throw new RasterException($"{scene.Path} has a rotated grid; a grid along the axes is needed. Lay it on one with --grid utm or --grid EPSG:n, or make one with: gdalwarp -r near '{scene.Path}' warped.tif");
        }
    }
}
