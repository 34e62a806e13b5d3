//! One model, one session, shared by all cameras: a camera prepares its own tensor without a lock, only the run itself
//! is serial. The session has its own lock because ONNX Runtime bindings want `&mut`; the wait at the lock is the
//! queue, its bound is one picture for each camera that analyses, and who calls decides what to drop meanwhile.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use ort::{
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
    value::{Outlet, TensorRef},
};
use sha2::{Digest, Sha256};

use super::{ModelError, Runtime, coco80};
use crate::{
    detect::{Detection, FAMILIES, Family, Output, SCORE_MIN, Tensor, suppression::Suppression},
    picture::I420,
    suggest,
};

/// What to open, and what it must be.
#[derive(Debug, Clone, Default)]
pub struct ModelSpec {
    /// The ONNX file.
    pub path: PathBuf,
    /// Name in events; the file's stem if not given.
    pub name: Option<String>,
    /// Family in `detect::FAMILIES`.
    pub family: String,
    /// SHA-256 that the file must have; not checked if not given.
    pub sha256: Option<String>,
    /// Input width and height that the file must have; not checked if not given.
    pub input_px: Option<(u32, u32)>,
    /// Class names in the model's order; COCO's eighty if not given.
    pub classes: Option<Vec<String>>,
    /// Threads within one run; 0 means 1: many cameras load the cores better than one run does.
    pub threads: usize,
}

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Name in events.
    pub name: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// The family that reads it.
    pub family: &'static str,
    /// Input width and height, pixels.
    pub input_px: (u32, u32),
    /// Class names in the model's order.
    pub classes: Vec<String>,
}

/// An open model. Shared by reference (`Arc`) among cameras.
pub struct Model {
    info: ModelInfo,
    family: &'static dyn Family,
    session: Mutex<Runner>,
    suppression: Suppression,
}

/// What one run after the other uses.
struct Runner {
    session: Session,
    /// The planes of the picture that it is asked about, where a camera does not keep them.
    input: Vec<f32>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Model {
    /// Reads, checks and loads a model. The bytes that are hashed are the bytes that are loaded.
    pub fn open(runtime: &Runtime, spec: &ModelSpec) -> Result<Model, ModelError> {
        // A wrong family is told of before a missing file.
        family(spec)?;
        let bytes =
            std::fs::read(&spec.path).map_err(|source| ModelError::Missing { path: spec.path.clone(), source })?;
        Self::load(runtime, spec, &bytes)
    }

    /// Checks and loads a model whose file is in memory; `spec.path` is told in errors and gives the name.
    pub fn load(runtime: &Runtime, spec: &ModelSpec, bytes: &[u8]) -> Result<Model, ModelError> {
        let family = family(spec)?;
        let sha256 = hex(&Sha256::digest(bytes));
        if let Some(expected) = spec.sha256.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
            return Err(ModelError::Hash { path: spec.path.clone(), expected: expected.clone(), found: sha256 });
        }
        let session = builder(runtime, spec.threads.max(1))
            .and_then(|mut builder| builder.commit_from_memory(bytes))
            .map_err(|source| ModelError::Load { path: spec.path.clone(), source })?;
        let classes = spec.classes.clone().unwrap_or_else(coco80);
        let input_px = check_shapes(spec, family, &session, classes.len())?;
        let name = spec.name.clone().unwrap_or_else(|| {
            spec.path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
        });
        Ok(Model {
            suppression: Suppression::new(&classes, family.overlap_max()),
            info: ModelInfo { name, sha256, family: family.name(), input_px, classes },
            family,
            session: Mutex::new(Runner { session, input: Vec::new() }),
        })
    }

    /// What was opened.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// A tensor of this model's input; one a camera, used again for every picture.
    pub fn tensor(&self) -> Tensor {
        Tensor::of(self.info.input_px, self.family.input())
    }

    /// Whether a tensor has this model's input: it can be handed from one model to another with what it remembers.
    pub fn takes(&self, tensor: &Tensor) -> bool {
        tensor.size_px() == self.info.input_px && tensor.input() == self.family.input()
    }

    /// Runs it once on an empty input, so that the first picture does not wait for what a first run sets up.
    pub fn warm(&self) -> Result<(), ModelError> {
        let (width, height) = (16, 16);
        let (luma, chroma) = (vec![128; width * height], vec![128; width * height / 4]);
        let picture = I420 {
            width_px: width as u32,
            height_px: height as u32,
            y: &luma,
            y_stride: width,
            u: &chroma,
            u_stride: width / 2,
            v: &chroma,
            v_stride: width / 2,
        };
        let mut tensor = self.tensor();
        self.prepare(&picture, 0, &mut tensor)?;
        self.detect(&mut tensor).map(|_| ())
    }

    /// Writes the picture at `t_us` of media time into the camera's tensor, as the family wants it, without a lock.
    pub fn prepare(&self, picture: &I420<'_>, t_us: i64, tensor: &mut Tensor) -> Result<(), ModelError> {
        tensor.prepare(picture, t_us).map_err(|source| ModelError::Picture { model: self.info.name.clone(), source })
    }

    /// What is in the prepared picture, best first; one object once, also where the model saw it as car and truck. The
    /// camera's tensor takes note of it ([`Tensor::found`]).
    pub fn detect(&self, tensor: &mut Tensor) -> Result<Vec<Detection>, ModelError> {
        let unprepared = || ModelError::Unprepared { model: self.info.name.clone() };
        let mapping = tensor.mapping().ok_or_else(unprepared)?;
        if !self.takes(tensor) {
            return Err(unprepared());
        }
        let failed = |source| ModelError::Run { model: self.info.name.clone(), source };
        let (width, height) = self.info.input_px;
        let shape = [1, self.family.input().planes(), height as usize, width as usize];
        let mut found = Vec::new();
        {
            let mut runner = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let Runner { session, input } = &mut *runner;
            let input = TensorRef::from_array_view((shape, tensor.planes(input))).map_err(failed)?;
            let outputs = session.run(ort::inputs![input]).map_err(failed)?;
            let values: Vec<_> = outputs.values().collect();
            let mut views: Vec<Output<'_>> = Vec::with_capacity(values.len());
            for value in &values {
                let (shape, data) = value.try_extract_tensor::<f32>().map_err(failed)?;
                views.push((shape, data));
            }
            self.family.decode(self.info.input_px, self.info.classes.len(), &views, SCORE_MIN, &mut found);
        }
        for detection in &mut found {
            detection.bbox = mapping.to_picture(detection.bbox).clipped();
        }
        let found = self.suppression.apply(found);
        tensor.found(&found);
        Ok(found)
    }
}

fn family(spec: &ModelSpec) -> Result<&'static dyn Family, ModelError> {
    FAMILIES.iter().copied().find(|family| family.name() == spec.family).ok_or_else(|| ModelError::UnknownFamily {
        path: spec.path.clone(),
        family: spec.family.clone(),
        hint: suggest::hint(&spec.family, FAMILIES.iter().map(|family| family.name())),
    })
}

/// Spinning is off: between two pictures an idle thread that spins would burn a core for nothing.
fn builder(runtime: &Runtime, threads: usize) -> Result<SessionBuilder, ort::Error> {
    Ok(Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?)
}

fn check_shapes(
    spec: &ModelSpec,
    family: &'static dyn Family,
    session: &Session,
    classes: usize,
) -> Result<(u32, u32), ModelError> {
    let wrong = |problem: String| ModelError::Shape {
        path: spec.path.clone(),
        family: family.name(),
        problem,
        expected: family.expects(),
    };
    let inputs: Vec<Vec<i64>> = session.inputs().iter().map(shape).collect();
    let [input] = inputs.as_slice() else {
        return Err(wrong(format!("it has {} inputs, not one", inputs.len())));
    };
    let planes = family.input().planes();
    let &[1, channels, height, width] = input.as_slice() else {
        return Err(wrong(format!("its input is {input:?}, not [1, {planes}, height, width]")));
    };
    if channels != planes as i64 {
        return Err(wrong(format!("its input is {input:?}, not [1, {planes}, height, width]")));
    }
    let side = |pixels: i64| u32::try_from(pixels).ok().filter(|pixels| (32..=4096).contains(pixels));
    let (Some(width), Some(height)) = (side(width), side(height)) else {
        return Err(wrong(format!("its input {width}x{height} is not a fixed size of 32–4096 px")));
    };
    if let Some(expected) = spec.input_px.filter(|expected| *expected != (width, height)) {
        return Err(wrong(format!("its input is {width}x{height}, the manifest says {}x{}", expected.0, expected.1)));
    }
    let outputs: Vec<Vec<i64>> = session.outputs().iter().map(shape).collect();
    family.check((width, height), classes, &outputs).map_err(wrong)?;
    Ok((width, height))
}

fn shape(outlet: &Outlet) -> Vec<i64> {
    outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
