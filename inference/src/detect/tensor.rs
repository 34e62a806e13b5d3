//! The input of a model, one a camera: planes of `f32`, with whatever the way in which a family wants its pictures has
//! to remember from one to the next (tables for the size; the background). How they are made is left to `preprocess`
//! and `luma`.

use std::borrow::Cow;

use super::{
    Detection,
    luma::{LumaAndChange, Remembered},
    preprocess::{Mapping, Plan, Preparation},
};
use crate::picture::{I420, PictureError};

/// How a family wants its pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// Three planes of colour.
    Colour(&'static Preparation),
    /// Two planes: luma, 0–1 ((Y − 16) / 219, area-averaged, aspect kept, top left, 0.5 beside it), and its difference
    /// from the camera's background, −1 … 1 (0 beside it).
    LumaAndChange,
}

impl Input {
    /// How many planes its tensor has.
    pub fn planes(&self) -> usize {
        match self {
            Input::Colour(_) => 3,
            Input::LumaAndChange => 2,
        }
    }
}

/// The input of a model with what it remembers of one camera.
#[derive(Debug, Clone)]
pub struct Tensor {
    size_px: (u32, u32),
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Colour(&'static Preparation, Option<Plan>, Vec<f32>),
    /// Keeps whole numbers: of most pictures of a quiet camera the model is not asked, and a camera's planes of `f32`
    /// would be two thirds of what is kept of it here.
    LumaAndChange(Option<LumaAndChange>),
}

/// What a tensor knew of its camera before a picture, to be given back where that picture's turn has not come yet.
#[derive(Debug)]
pub struct Before(Option<Remembered>);

impl Tensor {
    /// An empty tensor of three planes of colour, of an input's width and height.
    pub fn new(size_px: (u32, u32), preparation: &'static Preparation) -> Tensor {
        Self::of(size_px, Input::Colour(preparation))
    }

    /// An empty tensor of luma and change, of an input's width and height, for the pictures of one camera.
    pub fn new_luma_and_change(size_px: (u32, u32)) -> Tensor {
        Self::of(size_px, Input::LumaAndChange)
    }

    /// An empty tensor for a family's input.
    pub fn of(size_px: (u32, u32), input: Input) -> Tensor {
        let values = input.planes() * size_px.0 as usize * size_px.1 as usize;
        let form = match input {
            Input::Colour(preparation) => Form::Colour(preparation, None, vec![0.0; values]),
            Input::LumaAndChange => Form::LumaAndChange(None),
        };
        Tensor { size_px, form }
    }

    /// Width and height, pixels.
    pub fn size_px(&self) -> (u32, u32) {
        self.size_px
    }

    /// What its planes are.
    pub fn input(&self) -> Input {
        match &self.form {
            Form::Colour(preparation, ..) => Input::Colour(preparation),
            Form::LumaAndChange(_) => Input::LumaAndChange,
        }
    }

    /// Its planes, one after the other, each row-major; all 0 before the first picture.
    pub fn data(&self) -> Cow<'_, [f32]> {
        let mut room = Vec::new();
        if let Form::Colour(.., data) = &self.form {
            return Cow::Borrowed(data);
        }
        self.planes(&mut room);
        Cow::Owned(room)
    }

    /// The same in a buffer that is used again and again where they are not kept as such.
    pub(crate) fn planes<'a>(&'a self, room: &'a mut Vec<f32>) -> &'a [f32] {
        match &self.form {
            Form::Colour(.., data) => data,
            Form::LumaAndChange(plan) => {
                room.clear();
                room.resize(2 * self.size_px.0 as usize * self.size_px.1 as usize, 0.0);
                if let Some(plan) = plan {
                    plan.write_planes(self.size_px.0, room);
                }
                room
            }
        }
    }

    /// Where the last picture lies; none before the first.
    pub fn mapping(&self) -> Option<Mapping> {
        match &self.form {
            Form::Colour(_, plan, _) => plan.as_ref().map(|plan| plan.mapping),
            Form::LumaAndChange(plan) => plan.as_ref().map(|plan| plan.mapping),
        }
    }

    /// Writes the picture at `t_us` of media time. A tensor that keeps a background wants its pictures in order; one
    /// that is earlier than the last starts it afresh.
    pub fn prepare(&mut self, picture: &I420<'_>, t_us: i64) -> Result<(), PictureError> {
        picture.check()?;
        let picture_px = (picture.width_px, picture.height_px);
        match &mut self.form {
            Form::Colour(preparation, plan, data) => {
                // The padding stays from picture to picture: only a new size writes it.
                let known = plan.take().filter(|plan| plan.picture_px == picture_px);
                plan.insert(known.unwrap_or_else(|| Plan::new(picture_px, self.size_px, preparation, data))).write(
                    picture,
                    preparation,
                    self.size_px,
                    data,
                );
            }
            Form::LumaAndChange(plan) => {
                let known = plan.take().filter(|plan| plan.picture_px == picture_px);
                plan.insert(known.unwrap_or_else(|| LumaAndChange::new(picture_px, self.size_px)))
                    .observe(picture, t_us);
            }
        }
        Ok(())
    }

    /// By how much the last picture differs from the background where it differs most, levels of luma; what changes
    /// all the time without anything being there is left out. None where no background is kept, or before the first
    /// picture.
    pub fn most_changed_levels(&mut self) -> Option<f32> {
        match &mut self.form {
            Form::Colour(..) => None,
            Form::LumaAndChange(plan) => plan.as_mut().map(LumaAndChange::most_changed_levels),
        }
    }

    /// What the model has found in the last picture, in fractions of it: a background waits where somebody stands.
    pub fn found(&mut self, detections: &[Detection]) {
        if let Form::LumaAndChange(Some(plan)) = &mut self.form {
            plan.found(detections);
        }
    }

    /// The model found nothing in the picture whose change was asked for last: what differed in it is of no interest.
    pub fn found_nothing(&mut self) {
        if let Form::LumaAndChange(Some(plan)) = &mut self.form {
            plan.found_nothing();
        }
    }

    /// What it knows of the camera now.
    pub fn before(&self) -> Before {
        match &self.form {
            Form::LumaAndChange(Some(plan)) => Before(Some(plan.remembered())),
            _ => Before(None),
        }
    }

    /// Takes back the pictures since then.
    pub fn take_back(&mut self, before: Before) {
        match (&mut self.form, before) {
            (Form::LumaAndChange(Some(plan)), Before(Some(remembered))) => plan.recall(remembered),
            // There was no picture before.
            (Form::LumaAndChange(plan), Before(None)) => *plan = None,
            _ => {}
        }
    }

    /// The next picture is another stream's, or the same one's after it was lost: what was background is none any more.
    pub fn forget(&mut self) {
        if let Form::LumaAndChange(Some(plan)) = &mut self.form {
            plan.forget();
        }
    }
}
