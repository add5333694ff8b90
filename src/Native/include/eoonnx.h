/*
 * eoonnx.h - EoOnnx for C, C++, Python and every language that can call C.
 *
 * Streams satellite scenes of any size through an ONNX model and adapters and writes cloud-optimised GeoTIFF maps.
 * Link with libeoonnx_native. ONNX Runtime (found beside this library) and GDAL (EOONNX_GDAL, beside the program, the
 * system) are loaded at run time.
 *
 * Rules
 *  - Text is UTF-8 and ends with a zero byte. Paths, too.
 *  - A function that can fail returns a status, or NULL for a pointer; eoonnx_last_error() then says what, why and what
 *    to do next.
 *  - Every function may be called from any thread. One model may serve several scenes at the same time.
 *  - A handle is not an address. A closed, wrong or NULL handle gives EOONNX_INVALID_HANDLE, never a crash.
 *  - Closing a model while its scenes run or its adapters are open is allowed: it goes when the last of them ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EOONNX_H
#define EOONNX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface. Compare with eoonnx_abi_version(). Functions are added, never changed, within a version. */
#define EOONNX_ABI_VERSION 1

typedef enum eoonnx_status {
    EOONNX_OK = 0,               /* done */
    EOONNX_FAILED = 1,           /* the work failed; a file is missing, damaged or does not fit */
    EOONNX_INVALID_ARGUMENT = 2, /* a NULL where there must be text, or options that are no JSON or not known */
    EOONNX_INVALID_HANDLE = 3,   /* the handle was closed, or never was one */
    EOONNX_CANCELLED = 130       /* the progress callback asked for the end */
} eoonnx_status;

typedef struct eoonnx_model eoonnx_model;
typedef struct eoonnx_adapter eoonnx_adapter;

/*
 * Told how far a scene is, from a thread of the library; calls for one scene never overlap.
 *   stage              "planned", "mapping", then "finishing"; valid during the call
 *   tiles, tile_count  tiles that are done, and all of them
 *   pixels_per_second  scene pixels a second since the start
 *   user_data          what was given to eoonnx_run_scene
 * Returns 0 to go on; anything else ends the run with EOONNX_CANCELLED. It must not throw or longjmp.
 */
typedef int (*eoonnx_progress)(const char *stage, int64_t tiles, int64_t tile_count, double pixels_per_second, void *user_data);

/* The version of this interface that the library has. */
int32_t eoonnx_abi_version(void);

/* The version of EoOnnx, for example "0.1.0". Lives as long as the library; not to be freed. */
const char *eoonnx_version(void);

/*
 * What the last failed call on this thread said; "" before the first. Valid until the next call that fails on this
 * thread; not to be freed.
 */
const char *eoonnx_last_error(void);

/*
 * Opens a model, an .onnx file. options_json is NULL or a JSON object with any of
 *   "device"       "auto" (default), "cpu", "cuda" or "cuda:n"
 *   "threads"      threads of one operator; 0 (default) takes all physical cores
 *   "spinning"     threads wait by spinning, default true; false beside other work
 *   "packWeights"  keep a packed copy of the weights, default true
 * Returns NULL on failure. Close it with eoonnx_model_close.
 */
eoonnx_model *eoonnx_model_open(const char *path, const char *options_json);

/* Closes a model. */
eoonnx_status eoonnx_model_close(eoonnx_model *model);

/*
 * What a model says about itself - bands, classes, tile, licence - as JSON (docs/manifest.schema.json).
 * Returns NULL on failure. Free it with eoonnx_string_free.
 */
char *eoonnx_model_manifest(eoonnx_model *model);

/*
 * Loads an adapter for a model: adapter.safetensors, a PEFT folder or an .onnx_adapter file.
 * Returns NULL on failure. Close it with eoonnx_adapter_close.
 */
eoonnx_adapter *eoonnx_adapter_load(eoonnx_model *model, const char *path);

/* Closes an adapter; scenes that use it go on. */
eoonnx_status eoonnx_adapter_close(eoonnx_adapter *adapter);

/*
 * Maps a scene and returns when the map is complete, has failed or was cancelled.
 *   model         the model
 *   adapter       an adapter of this model, or NULL
 *   scene         what "eoonnx infer" takes as one source: a raster, a folder of bands, a Sentinel-2, Landsat or HLS
 *                 product, a STAC item, an address
 *   map           the map, a cloud-optimised GeoTIFF; it appears when it is complete. A run that was cancelled leaves
 *                 a work area MAP.eoonnx/, which the next run with the same arguments continues.
 *   options_json  NULL or a JSON object with any of
 *                   "output", "tile", "tileWidth" (of tiles that are not square), "overlap" ("32" or "25%"),
 *                   "blend" ("none", "linear", "cosine"),
 *                   "blendSpace" ("probability", "logit"),
 *                   "edge" ("shift", "reflect", "zero"), "augmentation" ("none", "flips", "d4"), "window" [x, y, width, height],
 *                   "bounds" [west, south, east, north], "boundsProjection", "area" (file), "batch", "measureBatch",
 *                   "prefetch", "readers", "memory" (bytes), "deterministic",
 *                   "bands" ["B02", ...], "scale" [...], "offset" [...], "noData" ("-9999", "none"),
 *                   "noDataRule" ("any", "all"), "masks" ["scl", "bits:QA_PIXEL:1,3,4", ...], "maskDilation" (pixels),
 *                   "maskMode" ("output", "input"), "inputCheck" ("warn", "fail", "off"),
 *                   "onError" ("fail", "noData"), "mostDamage" (a share, 0 to 1),
 *                   "content" ("class", "probability", "value"), "quantise" [low, high],
 *                   "confidence" ("none", "maximum", "entropy", "margin"), "median" (pixels),
 *                   "vector", "stac", "quickLook", "style" (names of files that are made beside the map; "" takes the
 *                   map's name), "minimumArea" (m2), "simplify" (map units) and "classes" [1, 2, ...] of the polygons,
 *                   "stamp", "keepWork", "gramsPerKilowattHour", "restart", "overwrite"
 *                 They mean what the options of "eoonnx infer" mean (docs/scenes.md). A member that is not known is an
 *                 error, never ignored.
 *   progress      NULL or a callback
 *   user_data     given to the callback
 *   report_json   NULL, or receives the report as JSON; free it with eoonnx_string_free. NULL is stored on failure.
 */
eoonnx_status eoonnx_run_scene(eoonnx_model *model, eoonnx_adapter *adapter, const char *scene, const char *map,
                               const char *options_json, eoonnx_progress progress, void *user_data, char **report_json);

/*
 * Maps pixels that the program holds, and gives the map back as pixels; no file is read or written.
 *   model, adapter, options_json, progress, user_data, report_json
 *                 as for eoonnx_run_scene; "restart", "overwrite", "keepWork", "stamp" and the files beside the map have no meaning
 *   pixels        [band, row, column] without gaps, in the machine's byte order; read in place, must not change meanwhile
 *   pixel_bytes   how many bytes they are
 *   image_json    what they are, a JSON object with
 *                   "type" ("byte", "uInt16", "int16", "float32"), "bands", "height", "width", and if known
 *                   "noData" (a number or "NaN"), "transform" (six numbers, as GDAL has them), "projection" ("EPSG:32633" or WKT),
 *                   "bandNames" ["B02", ...], which the model's channels are matched with
 *   map           receives the map's pixels, [band, row, column]; free them with eoonnx_array_free. NULL on failure.
 *   map_json      NULL, or receives what they are, as image_json, with "classes": names by value; free it with
 *                 eoonnx_string_free. NULL on failure.
 */
eoonnx_status eoonnx_run_array(eoonnx_model *model, eoonnx_adapter *adapter, const void *pixels, int64_t pixel_bytes,
                               const char *image_json, const char *options_json, eoonnx_progress progress, void *user_data,
                               void **map, char **map_json, char **report_json);

/* Frees pixels that eoonnx_run_array returned; NULL is allowed. */
void eoonnx_array_free(void *pixels);

/* Frees text that this library returned as char *; NULL is allowed. */
void eoonnx_string_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
